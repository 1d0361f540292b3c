import pytest
import torch

from iqabench.attacks import create_attack
from iqabench.attacks.noise import Noise
from iqabench.attacks.tools.noise import unit_noise
from iqabench.bench.core.errors import UserError

images = torch.rand((3, 3, 40, 40), generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
labels = torch.tensor([0.1, 0.5, 0.9])


def noise_of(kind, epsilon=0.05, seed=0):
    (noisy,) = Noise(kind=kind, seed=seed).perturb(torch.nn.Identity(), images, labels, [epsilon])
    return (noisy - images) / epsilon


def test_sign_noise_is_as_large_as_fgsms_step_and_balanced():
    noise = noise_of("sign")
    torch.testing.assert_close(noise.abs(), torch.ones_like(noise), atol=1e-5, rtol=0)
    assert noise.mean().abs() < 4 / noise.numel() ** 0.5


def test_uniform_noise_has_the_moments_of_the_uniform_distribution():
    noise = noise_of("uniform")
    assert noise.mean().abs() < 4 * 3**-0.5 / noise.numel() ** 0.5
    assert noise.var() == pytest.approx(1 / 3, abs=0.01)
    assert noise.abs().max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", ["sign", "uniform"])
def test_noise_of_two_images_or_two_seeds_is_unrelated(kind):
    first, second = noise_of(kind, seed=0), noise_of(kind, seed=1)
    for a, b in [(first[0], first[1]), (first[0], second[0])]:
        correlation = torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
        assert correlation.abs() < 4 / a.numel() ** 0.5


def test_epsilons_share_one_draw():
    small, large = Noise("uniform").perturb(torch.nn.Identity(), images, labels, [0.01, 0.04])
    torch.testing.assert_close((large - images) / 4, small - images, atol=1e-6, rtol=0)


def test_own_noise_follows_the_image_wherever_it_is():
    noise = unit_noise(images, seed=0)
    order = [2, 0, 1]
    assert torch.equal(unit_noise(images[order], seed=0), noise[order])


def test_own_noise_survives_rounding_of_the_pixels():
    levels = (images * 255).round() / 255
    assert torch.equal(unit_noise(levels + 1e-6, seed=0), unit_noise(levels, seed=0))


def test_own_noise_does_not_depend_on_memory_layout():
    channels_last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(unit_noise(channels_last, seed=0), unit_noise(images, seed=0))


def test_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    noise_of("sign")
    assert torch.equal(torch.get_rng_state(), before)


def test_unknown_kind_is_refused_with_what_is_accepted():
    with pytest.raises(UserError, match=r"'kind': found 'gaussian', accepted is 'sign' or 'uniform'"):
        create_attack("noise", kind="gaussian")
