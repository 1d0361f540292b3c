import pytest
import torch

from iqabench.attacks import create_attack
from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.objectives import score_reflection
from iqabench.attacks.pgd import PGD
from iqabench.bench.errors import UserError

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
    list(PGD(steps=3, samples=2).perturb(counted, *batch, [0.0, *EPSILONS]))
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
    "wrong", [{"steps": 0}, {"step_size": 0.0}, {"step_size": float("nan")}, {"samples": 0}, {"seed": -1}]
)
def test_parameters_out_of_bounds_are_refused_by_name(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        create_attack("pgd", **wrong)
