import torch
from torch import nn

from iqabench.attacks.fgsm import FGSM
from iqabench.attacks.tools.objectives import score_reflection

EPSILONS = [k / 255 for k in range(1, 9)]


def test_moves_every_pixel_the_way_finite_differences_say(model):
    model = model.double()
    image = 0.1 + 0.8 * torch.rand((1, 3, 5, 5), generator=torch.Generator().manual_seed(0)).double()
    bumps = 1e-5 * torch.eye(image.numel(), dtype=torch.float64).reshape(-1, *image.shape[1:])
    for quality in (0.2, 0.5, 0.8):
        label = torch.tensor([quality], dtype=torch.float64)
        labels = label.expand(len(bumps))
        with torch.no_grad():
            rise = score_reflection(model(image + bumps), labels) - score_reflection(
                model(image - bumps), labels
            )
        (attacked,) = FGSM().perturb(model, image, label, [0.01])
        assert torch.equal((attacked - image).flatten().sign(), rise.sign())


def test_pushes_good_scores_down_and_the_others_up(model, batch):
    (attacked,) = FGSM().perturb(model, *batch, [2 / 255])
    with torch.no_grad():
        change = model(attacked) - model(batch.images)
    assert (change > 0).tolist() == [True, True, True, False, False, False]


def test_is_one_step_of_epsilon_clipped_to_the_pixel_range(model, batch):
    batch = batch.to(torch.float64)
    for epsilon, attacked in zip(EPSILONS, FGSM().perturb(model.double(), *batch, EPSILONS), strict=True):
        step = (attacked - batch.images).abs()
        inner = (batch.images > epsilon) & (batch.images < 1 - epsilon)
        torch.testing.assert_close(step[inner], torch.full_like(step[inner], epsilon))
        assert ((step == 0) | (step >= epsilon - 1e-15))[~inner & (batch.images % 1 == 0)].all()


def test_computes_one_gradient_whatever_the_number_of_epsilons(counted, batch):
    list(FGSM().perturb(counted, *batch, EPSILONS))
    assert (counted.forwards, counted.backwards) == (1, 1)


def test_computes_nothing_before_the_first_batch_is_asked_for(counted, batch):
    FGSM().perturb(counted, *batch, EPSILONS)
    assert counted.forwards == 0


def test_leaves_pixels_that_do_not_matter(batch):
    class LeftHalf(nn.Module):
        def forward(self, images):
            return images[..., :6].mean(dim=(1, 2, 3))

    (attacked,) = FGSM().perturb(LeftHalf(), *batch, [0.1])
    assert torch.equal(attacked[..., 6:], batch.images[..., 6:])
    assert not torch.equal(attacked[..., :6], batch.images[..., :6])


def test_averaging_over_samples_finds_the_direction_that_noise_hides():
    class Noisy(nn.Module):
        def forward(self, images):
            return (images * (1 + 3 * torch.randn(images.shape))).mean(dim=(1, 2, 3))

    def share_of_pixels_lowered(samples):
        torch.manual_seed(0)
        (attacked,) = FGSM(eot_samples=samples).perturb(Noisy(), images, torch.tensor([1.0]), [0.1])
        return (attacked < images).float().mean().item()

    images = torch.full((1, 3, 16, 16), 0.5)
    # The mean of n gradients is 1 + 3 / sqrt(n) times a normal draw: negative with probability
    # Phi(-sqrt(n) / 3), so 63% of pixels go the right way for n = 1 and 99.6% for n = 64.
    assert 0.55 < share_of_pixels_lowered(samples=1) < 0.71
    assert share_of_pixels_lowered(samples=64) > 0.98


def test_samples_do_not_matter_to_a_deterministic_model(model, batch):
    batch = batch.to(torch.float64)
    once, thrice = (list(FGSM(eot_samples=n).perturb(model.double(), *batch, EPSILONS)) for n in (1, 3))
    assert all(map(torch.equal, once, thrice))
