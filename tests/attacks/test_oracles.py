"""The attacks against torchattacks and foolbox, which see the quality model as a classifier."""

import pytest
import torch

from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.pgd import PGD
from iqabench.benchmarks.two_logits import TwoLogits

EPSILONS = [0.5 / 255, 1 / 255, 4 / 255, 16 / 255]
STEPS, STEP_SIZE = 7, 1.5 / 255

dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
starts = pytest.mark.parametrize("random_start", [False, True], ids=["from_image", "random_start"])
foolbox_imports = pytest.mark.filterwarnings("ignore:Please import `gaussian_filter`:DeprecationWarning")


def assert_same_images(ours, theirs):
    """Equal up to rounding. In float32 a pixel whose gradient is all rounding may take either sign."""
    difference = (ours - theirs).abs()
    if ours.dtype == torch.float64:
        assert difference.max() <= 1e-14
    else:
        assert (difference > 5e-7).float().mean() <= 1e-3


def our_pgd(model, batch, epsilon, random_start):
    attack = PGD(steps=STEPS, step_size=STEP_SIZE, random_start=random_start)
    generator = torch.Generator().manual_seed(11)  # the numbers of torch.manual_seed(11)
    return next(attack.perturb(model, *batch, [epsilon], generator=generator))


@dtypes
def test_fgsm_equals_torchattacks(smooth_or_relu_model, batch, dtype):
    import torchattacks

    model, batch = smooth_or_relu_model.to(dtype), batch.to(dtype)
    for epsilon, ours in zip(EPSILONS, FGSM().perturb(model, *batch, EPSILONS), strict=True):
        oracle = torchattacks.FGSM(TwoLogits(model), eps=epsilon)
        assert_same_images(ours, oracle(batch.images, TwoLogits.classes(batch.labels)))


@dtypes
@starts
def test_pgd_equals_torchattacks(smooth_or_relu_model, batch, dtype, random_start):
    import torchattacks

    model, batch = smooth_or_relu_model.to(dtype), batch.to(dtype)
    for epsilon in EPSILONS:
        oracle = torchattacks.PGD(
            TwoLogits(model), eps=epsilon, alpha=STEP_SIZE, steps=STEPS, random_start=random_start
        )
        torch.manual_seed(11)
        theirs = oracle(batch.images, TwoLogits.classes(batch.labels))
        assert_same_images(our_pgd(model, batch, epsilon, random_start), theirs)


@foolbox_imports
@dtypes
def test_fgsm_equals_foolbox(smooth_or_relu_model, batch, dtype):
    import foolbox

    model, batch = smooth_or_relu_model.to(dtype), batch.to(dtype)
    classifier = foolbox.PyTorchModel(TwoLogits(model).eval(), bounds=(0, 1), device="cpu")
    oracle = foolbox.attacks.LinfFastGradientAttack()
    theirs, _, _ = oracle(classifier, batch.images, TwoLogits.classes(batch.labels), epsilons=EPSILONS)
    for ours, expected in zip(FGSM().perturb(model, *batch, EPSILONS), theirs, strict=True):
        assert_same_images(ours, expected)


@foolbox_imports
@dtypes
@starts
def test_pgd_equals_foolbox(smooth_or_relu_model, batch, dtype, random_start):
    import foolbox

    model, batch = smooth_or_relu_model.to(dtype), batch.to(dtype)
    classifier = foolbox.PyTorchModel(TwoLogits(model).eval(), bounds=(0, 1), device="cpu")
    oracle = foolbox.attacks.LinfPGD(abs_stepsize=STEP_SIZE, steps=STEPS, random_start=random_start)
    for epsilon in EPSILONS:
        torch.manual_seed(11)
        theirs, _, _ = oracle(classifier, batch.images, TwoLogits.classes(batch.labels), epsilons=epsilon)
        assert_same_images(our_pgd(model, batch, epsilon, random_start), theirs)
