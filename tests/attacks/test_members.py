"""MI-FGSM against its reference implementation, and transfer between models."""

import pytest
import torch
from torch import nn

from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.mifgsm import MIFGSM
from iqabench.attacks.tools.objectives import descend
from iqabench.attacks.transfer import Transfer
from iqabench.bench.core.errors import UserError
from iqabench.benchmarks.two_logits import TwoLogits

from .conftest import build_model


def test_mifgsm_equals_torchattacks(model, batch):
    import torchattacks

    model, batch = model.double(), batch.to(torch.float64)
    # A momentum that weighs gradients by their length would see cross-entropy's slope; divided by the L1 norm
    # each gradient counts the same, whatever monotone function of the score is climbed.
    oracle = torchattacks.MIFGSM(TwoLogits(model), eps=8 / 255, alpha=0.8 / 255, steps=10, decay=1.0)
    theirs = oracle(batch.images, TwoLogits.classes(batch.labels))
    (ours,) = MIFGSM().perturb(model, *batch, [8 / 255])
    torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


def test_transfer_moves_the_attacked_model_by_the_sources_gradient_alone(model, batch):
    class NoGradient(nn.Module):
        def forward(self, images):
            return model(images).detach()

    near = build_model(nn.SiLU)
    with torch.no_grad():
        near.head.weight.add_(0.01)
    (found,) = Transfer(steps=10).from_model(near).perturb(NoGradient(), *batch, [8 / 255], objective=descend)
    (fgsm,) = FGSM().perturb(model, *batch, [8 / 255], objective=descend)
    with torch.no_grad():
        drop, white_box = (model(batch.images) - model(images) for images in (found, fgsm))
    assert (drop > 0.5 * white_box).all()


def test_transfer_without_its_source_model_says_which_is_missing(model, batch):
    with pytest.raises(UserError, match="source model 'nima' is missing"):
        next(Transfer(source="nima").perturb(model, *batch, [0.1]))
