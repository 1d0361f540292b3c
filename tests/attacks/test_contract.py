"""What every registered attack promises."""

import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from iqabench.attacks import Attack, create_attack
from iqabench.attacks.iqa import zhang
from iqabench.attacks.iqa.universal import Universal
from iqabench.attacks.tools.perceptual import Network
from iqabench.attacks.transfer import Transfer
from iqabench.bench.core import registry

from .conftest import build_model

FEWER = {
    "auto": {"budget": "quick"},
    "apgd": {"steps": 5},
    "square": {"queries": 12},
    "rank": {"steps": 5},
    "korhonen_you": {"steps": 5},
    "zhang_ssim": {"steps": 5},
    "zhang_lpips": {"steps": 5},
    "zhang_dists": {"steps": 5},
    "madc": {"steps": 5},
    "transfer": {"steps": 5},
}
EPSILONS = [0.0, 1 / 255, 2 / 255, 8 / 255]

pytestmark = pytest.mark.parametrize("attack", registry.names("attacks"), indirect=True)


@pytest.fixture
def attack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Attack:
    monkeypatch.setattr(zhang, "network", lambda *_: Network(Differences(), "1"))
    created = create_attack(request.param, **FEWER.get(request.param, {}))
    if isinstance(created, Universal):
        return created.from_images(torch.rand((4, 3, 12, 12), generator=torch.Generator().manual_seed(3)))
    return created.from_model(Source()) if isinstance(created, Transfer) else created


class Differences(nn.Module):
    """A perceptual distance without weights: of differences between neighbouring pixels."""

    def raw(self, images: Tensor, others: Tensor) -> Tensor:
        return (images - others).diff(dim=3).square().mean((1, 2, 3))


class Source(nn.Module):
    """Another model, which takes images of any type."""

    def __init__(self) -> None:
        super().__init__()
        self.model = build_model(nn.Tanh).double()

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.model(images.double()).to(images)
        return scores


def state_of(model: nn.Module) -> Callable[[], None]:
    """Note all that an attack could change; the returned function asserts that nothing has."""
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    flags = [weight.requires_grad for weight in model.parameters()]
    gradients = [None if weight.grad is None else weight.grad.clone() for weight in model.parameters()]

    def assert_unchanged() -> None:
        assert all(torch.equal(value, tensors[name]) for name, value in model.state_dict().items())
        assert [module.training for module in model.modules()] == modes
        assert [weight.requires_grad for weight in model.parameters()] == flags
        for weight, gradient in zip(model.parameters(), gradients, strict=True):
            assert (weight.grad is None) if gradient is None else torch.equal(weight.grad, gradient)

    return assert_unchanged


@pytest.fixture
def half_trained(model):
    """In training mode with a frozen, evaluating batch norm, and with gradients left from a step."""
    model.train()
    model.features[1].eval().requires_grad_(False)
    model(torch.rand(2, 3, 8, 8)).sum().backward()
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_yields_one_batch_per_epsilon_exactly_inside_the_ball(attack, model, batch, dtype):
    model, batch = model.to(dtype), batch.to(dtype)
    attacked = list(attack.perturb(model, *batch, EPSILONS))
    assert len(attacked) == len(EPSILONS)
    for epsilon, images in zip(EPSILONS, attacked, strict=True):
        assert images.shape == batch.images.shape
        assert images.dtype == dtype
        assert images.min() >= 0
        assert images.max() <= 1
        assert (images - batch.images).abs().max().item() <= epsilon
    assert torch.equal(attacked[0], batch.images)
    assert not torch.equal(attacked[1], batch.images)


def test_gives_the_same_images_in_any_batch_size(attack, model, batch, in_batches):
    if getattr(attack, "depends_on_batch", False):
        pytest.skip("its images depend on one another, as it declares")
    model, batch = model.double(), batch.to(torch.float64)
    for seed in (None, 4):
        whole, threes, ones = (
            in_batches(
                attack, model, batch, EPSILONS[1::2], size, seed and torch.Generator().manual_seed(seed)
            )
            for size in (6, 3, 1)
        )
        # Up to rounding: kernels of some processors add in an order that depends on the batch.
        for images, of_threes, of_ones in zip(whole, threes, ones, strict=True):
            assert torch.allclose(images, of_threes, rtol=0, atol=1e-10)
            assert torch.allclose(images, of_ones, rtol=0, atol=1e-10)


def test_leaves_the_model_as_it_found_it(attack, half_trained, batch):
    assert_unchanged = state_of(half_trained)
    for _ in attack.perturb(half_trained, *batch, EPSILONS):
        assert_unchanged()
    assert_unchanged()


def test_leaves_the_model_as_it_found_it_when_abandoned(attack, half_trained, batch):
    assert_unchanged = state_of(half_trained)
    attacked = attack.perturb(half_trained, *batch, EPSILONS)
    next(attacked)
    next(attacked)
    del attacked
    assert_unchanged()


def test_leaves_images_and_labels_alone(attack, model, batch):
    images, labels = batch.images.clone().requires_grad_(), batch.labels.clone()
    attacked = list(attack.perturb(model, images, labels, EPSILONS))
    assert torch.equal(images, batch.images)
    assert torch.equal(labels, batch.labels)
    assert images.grad is None
    assert not any(adversarial.requires_grad for adversarial in attacked)
    assert len({tensor.data_ptr() for tensor in (images, *attacked)}) == 1 + len(EPSILONS)


def test_keeps_no_graph_between_epsilons(attack, model, batch):
    activations: list[weakref.ref[Tensor]] = []
    model.features[0].register_forward_hook(lambda *call: activations.append(weakref.ref(call[-1])))
    for _ in attack.perturb(model, *batch, EPSILONS):
        assert all(activation() is None for activation in activations)


def test_stays_in_the_ball_when_the_model_has_diverged(attack, model, batch):
    nn.init.constant_(model.head.bias, torch.nan)
    for epsilon, images in zip(EPSILONS, attack.perturb(model, *batch, EPSILONS), strict=True):
        assert (images - batch.images).abs().max() <= epsilon


def test_works_for_a_caller_in_inference_mode(attack, model, batch):
    expected = list(attack.perturb(model, *batch, EPSILONS))
    with torch.inference_mode():
        attacked = list(attack.perturb(model, batch.images * 1, batch.labels * 1, EPSILONS))
        assert all(map(torch.equal, attacked, expected))


def test_keeps_channels_last(attack, model, batch):
    images = batch.images.contiguous(memory_format=torch.channels_last)
    for attacked in attack.perturb(model, images, batch.labels, EPSILONS):
        assert attacked.is_contiguous(memory_format=torch.channels_last)


def test_refuses_a_wrong_batch_when_called_not_when_iterated(attack, model, batch):
    with pytest.raises(ValueError, match="labels of shape"):
        attack.perturb(model, batch.images, batch.labels[:2], EPSILONS)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gives_the_same_images_on_a_gpu(attack, model, batch):
    model, batch = model.double(), batch.to(torch.float64)
    expected = list(attack.perturb(model, *batch, EPSILONS))
    attacked = list(attack.perturb(model.cuda(), batch.images.cuda(), batch.labels.cuda(), EPSILONS))
    for images, reference in zip(attacked, expected, strict=True):
        assert images.is_cuda
        torch.testing.assert_close(images.cpu(), reference, atol=1e-12, rtol=0)
