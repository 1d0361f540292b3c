from contextlib import contextmanager

import pytest
import torch
from torch import nn

from iqabench.attacks import create_attack
from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.pgd import PGD
from iqabench.attacks.tools.objectives import score_reflection
from iqabench.bench.core.errors import UserError
from iqabench.models import create_model
from iqabench.models.cprl import soft_rank_mask
from iqabench.models.cprl.bpda import bpda_mask

EPSILONS = [1 / 255, 4 / 255]


def objective_after(attack, model, batch, epsilon):
    (attacked,) = attack.perturb(model, *batch, [epsilon])
    with torch.no_grad():
        return score_reflection(model(attacked), batch.labels)


def test_one_step_of_epsilon_from_the_image_is_fgsm(model, batch):
    pgd = PGD(steps=1, step_size=4 / 255, random_start=False).perturb(model, *batch, [4 / 255])
    fgsm = FGSM().perturb(model, *batch, [4 / 255])
    assert torch.equal(next(pgd), next(fgsm))


def test_climbs_at_least_as_high_as_fgsm(smooth_or_relu_model, batch):
    fgsm = objective_after(FGSM(), smooth_or_relu_model, batch, 16 / 255)
    pgd = objective_after(PGD(), smooth_or_relu_model, batch, 16 / 255)
    assert (pgd >= fgsm - 1e-4).all()
    assert (pgd > fgsm).any()


def test_step_size_defaults_to_two_and_a_half_times_the_radius_over_the_steps(model, batch):
    default = PGD(steps=5).perturb(model, *batch, [0.02])
    explicit = PGD(steps=5, step_size=0.01).perturb(model, *batch, [0.02])
    assert torch.equal(next(default), next(explicit))


def test_computes_one_gradient_per_step_and_epsilon_and_none_for_epsilon_zero(counted, batch):
    list(PGD(steps=3, eot_samples=2).perturb(counted, *batch, [0.0, *EPSILONS]))
    assert (counted.forwards, counted.backwards) == (12, 12)


def test_random_start_is_spread_over_the_whole_ball_and_differs_between_images(model, batch):
    # With steps too short to matter, what is left is the start.
    images = torch.full_like(batch.images, 0.5)
    images[:, 0, 0, 0] = torch.arange(6) / 255
    (attacked,) = PGD(steps=1, step_size=1e-9).perturb(model, images, batch.labels, [0.1])
    start = ((attacked - images) / 0.1)[:, :, 1:]
    assert start.mean().abs() < 0.05
    assert start.std() == pytest.approx(3**-0.5, abs=0.02)  # of the uniform distribution on [-1, 1]
    assert start.abs().max() > 0.99
    assert (start[0] - start[1]).abs().mean() > 0.5


def test_images_of_an_epsilon_do_not_depend_on_the_other_epsilons(model, batch):
    together = list(PGD(steps=3).perturb(model, *batch, EPSILONS))
    alone = [next(PGD(steps=3).perturb(model, *batch, [epsilon])) for epsilon in EPSILONS]
    assert all(map(torch.equal, together, alone))


def test_seed_decides_the_start_unless_a_generator_is_passed(model, batch):
    def images(seed, generator_seed=None):
        generator = None if generator_seed is None else torch.Generator().manual_seed(generator_seed)
        return next(PGD(steps=2, seed=seed).perturb(model, *batch, [0.02], generator=generator))

    assert torch.equal(images(0), images(0))
    assert not torch.equal(images(0), images(1))
    assert torch.equal(images(0, generator_seed=5), images(1, generator_seed=5))
    assert not torch.equal(images(0, generator_seed=5), images(0, generator_seed=6))


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"step_size": 0.0},
        {"step_size": float("nan")},
        {"eot_samples": 0},
        {"seed": -1},
        {"backward": 1},
    ],
)
def test_parameters_out_of_bounds_are_refused_by_name(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        create_attack("pgd", **wrong)


class Masked(nn.Module):
    """Scores whose dependence on the pixels is in the mask only, and counts of how they were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.soft = False
        self.gradients, self.scores = [], []  # whether it was softened, at each pass

    def forward(self, images):
        (self.gradients if images.requires_grad else self.scores).append(self.soft)
        channels = images.flatten(2).mean(2)
        mask = (bpda_mask if self.soft else soft_rank_mask)(channels, 0.0)
        constant = 0 * channels.sum(1)
        return torch.sigmoid(constant + (mask * torch.tensor([1.0, -1.0, 0.5])).sum(1))

    def backward_passes(self):
        return ["ranks"]

    @contextmanager
    def backward_through(self, name):
        assert name == "ranks"
        self.soft = True
        try:
            yield
        finally:
            self.soft = False


def test_bpda_sees_through_a_mask_that_is_constant_to_the_gradient(batch):
    # The channels of an image lie within 0.02 of one another, so that 0.04 can put them in any order.
    images = 0.5 + 0.02 * torch.rand((6, 3, 1, 1)).expand(6, 3, 12, 12)
    close = batch._replace(images=images)
    model = Masked()
    before = score_reflection(model(close.images), close.labels)
    own = objective_after(PGD(random_start=False), model, close, 0.04)
    bpda = objective_after(PGD(random_start=False, backward="ranks"), model, close, 0.04)
    torch.testing.assert_close(own, before)
    assert (bpda >= before).all()
    assert bpda.mean() > before.mean() + 0.02


def test_only_the_gradients_of_bpda_are_softened(batch):
    model = Masked()
    for attacked in PGD(steps=3, backward="ranks").perturb(model, *batch, EPSILONS):
        model(attacked)
    assert model.gradients == [True] * 6
    assert model.scores == [False] * 2
    list(PGD(steps=3).perturb(model, *batch, EPSILONS))
    assert model.gradients[6:] == [False] * 6


def test_bpda_leaves_the_model_as_found_though_the_caller_stops_or_the_model_fails(batch):
    model = Masked()
    attacked = PGD(steps=1, backward="ranks").perturb(model, *batch, EPSILONS)
    next(attacked)
    assert not model.soft
    model.forward = lambda images: images
    with pytest.raises(UserError, match="scores of shape"):
        next(attacked)
    assert not model.soft


def test_bpda_is_ordinary_pgd_where_the_model_offers_no_backward_pass(model, batch):
    own = PGD(steps=3).perturb(model, *batch, EPSILONS)
    bpda = PGD(steps=3, backward="ranks").perturb(model, *batch, EPSILONS)
    assert all(map(torch.equal, own, bpda))


def test_bpda_climbs_higher_than_the_own_gradient_on_cprl():
    torch.manual_seed(0)
    shape = {"layers": [1, 1, 1, 1], "channels": [16, 16, 32, 64]}
    model = create_model("cprl", backbone="resnet18", backbone_args=shape, b=0.4).eval()
    images, labels = torch.rand(8, 3, 48, 48), torch.linspace(0, 1, 8)

    def objective(backward):
        attack = PGD(random_start=False, backward=backward)
        (attacked,) = attack.perturb(model, images, labels, [1 / 255])
        with torch.no_grad():
            return score_reflection(model(attacked), labels).double().mean()

    assert objective("soft ranks 0.1") > objective("own")
