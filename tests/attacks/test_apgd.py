from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from iqabench.attacks.apgd import APGD, checkpoints
from iqabench.attacks.pgd import PGD
from iqabench.attacks.rank import Rank
from iqabench.attacks.tools.balls import ball_around
from iqabench.attacks.tools.objectives import ascend, descend, score_reflection
from iqabench.attacks.tools.victim import SearchRecord, Victim
from iqabench.benchmarks.two_logits import TwoLogits

EPSILONS = [1 / 255, 4 / 255, 16 / 255]


@pytest.mark.parametrize("steps", [1, 5, 10, 33, 100, 1000])
def test_checkpoints_are_where_autoattacks_own_counters_put_them(steps):
    left = k = max(int(0.22 * steps), 1)
    expected = []
    for step in range(1, steps + 1):
        left -= 1
        if left == 0:
            expected.append(step)
            left = k = max(k - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1))
    assert checkpoints(steps) == expected


@pytest.mark.parametrize(("norm", "name", "epsilon"), [("linf", "Linf", 12 / 255), ("l2", "L2", 1.0)])
def test_passes_the_same_images_as_torchattacks_from_the_same_start(model, batch, norm, name, epsilon):
    import torchattacks

    # Cross-entropy of two logits is a strictly monotone function of the score, and so are its signed and its
    # normalised gradients' steps, its rises and its best points.
    model, batch = model.double(), batch.to(torch.float64)
    oracle = torchattacks.APGD(TwoLogits(model), norm=name, eps=epsilon, steps=30)
    torch.manual_seed(5)
    theirs, *_ = oracle.attack_single_run(batch.images, TwoLogits.classes(batch.labels))
    torch.manual_seed(5)
    if norm == "linf":
        noise = 2 * torch.rand(batch.images.shape) - 1
        noise = noise / noise.flatten(1).abs().max(1).values.view(-1, 1, 1, 1)
    else:
        noise = torch.randn(batch.images.shape)
        noise = noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    start = (batch.images + epsilon * noise).clamp(0, 1)
    victim = Victim(model, *batch, objective=score_reflection)
    ours, _ = APGD(norm=norm, steps=30).climb(victim, ball_around(batch.images, epsilon, norm), start)
    # A rise that is all rounding may count on one side only; it moves the steps near the end, by little.
    torch.testing.assert_close(ours, theirs.double(), atol=1e-3, rtol=0)
    torch.testing.assert_close(model(ours), model(theirs.double()), atol=1e-6, rtol=0)


def ends(attack, model, batch, epsilons):
    """Scores (E, N) after an attack downwards and one upwards."""
    with torch.no_grad():
        return [
            torch.stack([model(x) for x in attack.perturb(model, *batch, epsilons, objective=objective)])
            for objective in (descend, ascend)
        ]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_finds_the_exact_interval_of_a_linear_model(batch, norm):
    weights = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    class Linear(nn.Module):
        def forward(self, images):
            return (images * weights).sum(dim=(1, 2, 3))

    epsilon = 0.05
    images = 0.4 + 0.2 * batch.images.double()  # so that no pixel meets the end of its range
    low, high = ends(APGD(norm=norm, steps=20), Linear(), (images, batch.labels.double()), [epsilon])
    reach = epsilon * (weights.abs().sum() if norm == "linf" else weights.square().sum().sqrt())
    clean = Linear()(images)
    torch.testing.assert_close(low[0], clean - reach, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(high[0], clean + reach, rtol=1e-6, atol=1e-6)


def test_goes_at_least_as_far_as_pgd_either_way(smooth_or_relu_model, batch):
    ours = ends(APGD(steps=40), smooth_or_relu_model, batch, EPSILONS)
    pgd = ends(PGD(steps=40), smooth_or_relu_model, batch, EPSILONS)
    assert (ours[0] <= pgd[0] + 1e-4).all()
    assert (ours[1] >= pgd[1] - 1e-4).all()


def test_intervals_grow_with_epsilon_whatever_their_order(smooth_or_relu_model, batch):
    for attack in (APGD(steps=3), APGD(steps=3, eight_bit=True)):
        low, high = ends(attack, smooth_or_relu_model, batch, EPSILONS)
        assert (low.diff(dim=0) <= 0).all()
        assert (high.diff(dim=0) >= 0).all()
        low_first, _ = ends(attack, smooth_or_relu_model, batch, EPSILONS[::-1])
        assert torch.equal(low_first.flip(0), low)


@pytest.mark.parametrize("attack", [APGD(steps=5), Rank(steps=5)], ids=["apgd", "rank"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_eight_bit_images_are_exact_grey_levels_inside_the_ball(model, batch, norm, attack):
    images = (batch.images * 255).round() / 255
    epsilons = [1 / 255, 3 / 255] if norm == "linf" else [0.3, 1.0]
    attack = replace(attack, norm=norm, eight_bit=True)
    for epsilon, found in zip(epsilons, attack.perturb(model, images, batch.labels, epsilons), strict=True):
        levels = np.rint(found.double().numpy() * 255).astype(np.uint8)
        assert np.array_equal(levels.astype(np.float32) / np.float32(255), found.numpy())
        moved = levels.astype(int) - np.rint(images.numpy() * 255).astype(int)
        size = np.abs(moved).max() if norm == "linf" else np.sqrt((moved**2).sum((1, 2, 3)).max())
        assert 0 < size <= epsilon * 255 + 1e-9
        assert size > 0.8 * epsilon * 255


def test_restarts_never_lower_what_one_start_found(smooth_or_relu_model, batch):
    once = ends(APGD(steps=5), smooth_or_relu_model, batch, EPSILONS[-1:])
    more = ends(APGD(steps=5, restarts=3), smooth_or_relu_model, batch, EPSILONS[-1:])
    assert (more[0] <= once[0]).all()
    assert (more[1] >= once[1]).all()


def test_a_models_noise_is_averaged_out_without_being_asked_to(counted, batch):
    class Noisy(nn.Module):
        def forward(self, images):
            return counted(images) + 0.01 * torch.rand(len(images))

    list(APGD(steps=2).perturb(Noisy(), *batch, EPSILONS[:1]))
    assert counted.backwards == 2 * 10  # the last step needs no gradient


def test_counts_gradients_that_are_zero_or_not_finite(batch):
    class Broken(nn.Module):
        def forward(self, images):
            return images.mean(dim=(1, 2, 3)) * torch.tensor([torch.nan, 0.0, 1.0, 1.0, 1.0, 1.0])

    record = SearchRecord()
    list(APGD(steps=3).perturb(Broken(), *batch, EPSILONS[:1], record=record))
    assert (record.gradients, record.zero, record.nonfinite) == (18, 3, 3)
