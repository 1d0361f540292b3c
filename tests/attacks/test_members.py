"""MI-FGSM against its reference implementation, transfer between models, and what `auto` makes of members."""

import pytest
import torch
from torch import nn

from iqabench.attacks.apgd import APGD
from iqabench.attacks.auto import Auto
from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.mifgsm import MIFGSM
from iqabench.attacks.pgd import PGD
from iqabench.attacks.rank import Rank
from iqabench.attacks.square import Square
from iqabench.attacks.tools.objectives import descend
from iqabench.attacks.transfer import Transfer
from iqabench.bench.core.errors import UserError
from iqabench.bench.statistics.metrics import srocc
from iqabench.bench.statistics.worst_case import worst_case_srocc
from iqabench.benchmarks.two_logits import TwoLogits

from .conftest import Jolted, build_model


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


@torch.no_grad()
def test_the_worst_case_of_auto_is_not_above_the_srocc_that_any_member_leaves(model, batch):
    generator = torch.Generator().manual_seed(5)
    images = batch.images[:1] + 0.3 * torch.rand((16, *batch.images.shape[1:]), generator=generator)
    images = images.clamp(0, 1)
    labels = model(images).argsort().argsort() / 15
    (found,) = Auto(budget="quick").interval(model, images, [1 / 255])
    worst = worst_case_srocc(labels, found.low_scores, found.high_scores).value
    members = [FGSM(), PGD(), APGD(steps=20), MIFGSM(), Square(queries=100), Rank(), Rank(form="pearson")]
    members.append(Transfer(steps=10).from_model(build_model(nn.Tanh)))
    left = [
        srocc(labels, model(next(attack.perturb(model, images, labels, [1 / 255])))) for attack in members
    ]
    assert -0.99 < worst <= min(left) + 1e-9 < 1


@pytest.mark.parametrize("eight_bit", [False, True])
@pytest.mark.parametrize("random", [False, True])
def test_a_larger_epsilon_keeps_what_a_smaller_one_found_where_its_own_search_finds_nothing(
    model, batch, monkeypatch, random, eight_bit
):
    def blunted(search):
        return lambda member, victim, ball, start: (
            search(member, victim, ball, start) if ball.epsilon < 3 / 255 else victim.images
        )

    for member in (APGD, MIFGSM):
        monkeypatch.setattr(member, "search", blunted(member.search))
    images = (batch.images * 255).round() / 255
    attack = Auto(budget="quick", eight_bit=eight_bit)
    small, large = attack.interval(Jolted(model) if random else model, images, [2 / 255, 8 / 255])
    assert all(by != "clean" for by in small.low_by + small.high_by)
    for end in ("low", "high"):
        kept = getattr(large, f"{end}_images")
        assert torch.equal(kept, getattr(small, f"{end}_images"))
        assert not torch.equal(kept, images)
        assert not eight_bit or torch.equal(kept, (kept * 255).round() / 255)
