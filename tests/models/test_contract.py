"""What every registered model owes: scores in [0, 1], gradients, and weights that travel."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from iqabench.bench.core.errors import UserError
from iqabench.models import create_model
from iqabench.models.base import IQAModel

MODELS = ["resnet", "cprl", "dbcnn", "nima", "lwta", "denoise", "sat"]
DETERMINISTIC = [name for name in MODELS if name != "lwta"]
Build = Callable[..., nn.Module]


def scores_of(model: nn.Module, images: Tensor) -> Tensor:
    torch.manual_seed(7)
    with torch.no_grad():
        return model(images)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("training", [False, True])
def test_scores_are_one_number_in_the_unit_interval_per_image(
    tiny_model: Build, name: str, training: bool
) -> None:
    model = tiny_model(name).train(training)
    scores = model(torch.rand(3, 3, 64, 64))
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("name", MODELS)
def test_scores_tell_images_apart(tiny_model: Build, name: str) -> None:
    noisy, flat = torch.rand(1, 3, 64, 64), torch.full((1, 3, 64, 64), 0.5)
    model = tiny_model(name)
    assert scores_of(model, noisy) != scores_of(model, flat)


@pytest.mark.parametrize("name", MODELS)
def test_odd_sizes_and_a_batch_of_one_are_scored(tiny_model: Build, name: str) -> None:
    scores = tiny_model(name)(torch.rand(1, 3, 97, 131))
    assert scores.shape == (1,)
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_an_image_has_the_same_score_in_any_batch_and_memory_format(tiny_model: Build, name: str) -> None:
    images = torch.rand(4, 3, 64, 64)
    model = tiny_model(name)
    together = scores_of(model, images)
    alone = torch.cat([scores_of(model, image[None]) for image in images])
    model = model.to(memory_format=torch.channels_last)
    other_format = scores_of(model, images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(alone, together)
    torch.testing.assert_close(other_format, together)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_the_pixels_of_every_image(tiny_model: Build, name: str) -> None:
    images = torch.rand(3, 3, 64, 64, requires_grad=True)
    tiny_model(name)(images).sum().backward()
    assert torch.isfinite(images.grad).all()
    assert (images.grad.abs().amax((1, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", MODELS)
def test_every_weight_is_trained(tiny_model: Build, name: str) -> None:
    only_the_mask = {"pns_weight": 0.0} if name == "cprl" else {}  # phi and xi are trained by their own moves
    model = tiny_model(name, **only_the_mask).train()
    (model(torch.rand(4, 3, 64, 64)) - 0.3).square().sum().backward()
    idle = [key for key, weight in model.named_parameters() if weight.grad is None]
    assert idle == []


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_pixel_gradient_agrees_with_finite_differences(tiny_model: Build, name: str) -> None:
    model = tiny_model(name).double()
    images = torch.rand(2, 3, 48, 48, dtype=torch.float64, requires_grad=True)
    direction = torch.randn_like(images)
    model(images).sum().backward()
    slope = (images.grad * direction).sum()
    step = 1e-7
    with torch.no_grad():
        rise = model(images + step * direction).sum() - model(images - step * direction).sum()
    torch.testing.assert_close(slope, rise / (2 * step), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_weights_travel_through_a_safetensors_file(tiny_model: Build, name: str, tmp_path: Path) -> None:
    images = torch.rand(2, 3, 64, 64)
    written, read = tiny_model(name, seed=1), tiny_model(name, seed=2)
    assert not torch.equal(scores_of(read, images), scores_of(written, images))
    save_file(written.state_dict(), tmp_path / "weights.safetensors")
    read.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(scores_of(read, images), scores_of(written, images))


@pytest.mark.parametrize("name", MODELS)
def test_a_copy_scores_the_same_and_shares_nothing(tiny_model: Build, name: str) -> None:
    images = torch.rand(2, 3, 64, 64)
    model = tiny_model(name)
    before = scores_of(model, images)
    copy = deepcopy(model)
    assert torch.equal(scores_of(copy, images), before)
    with torch.no_grad():
        for weight in copy.parameters():
            weight.add_(1)
    assert torch.equal(scores_of(model, images), before)


@pytest.mark.parametrize("name", MODELS)
def test_only_models_that_say_so_are_random_in_evaluation(tiny_model: Build, name: str) -> None:
    model, images = tiny_model(name), torch.rand(4, 3, 64, 64)
    assert isinstance(model, IQAModel)
    assert torch.equal(model(images), model(images)) is not model.stochastic


def gradient(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    pixels = images.clone().requires_grad_()
    torch.manual_seed(7)
    scores = model(pixels)
    (found,) = torch.autograd.grad(scores.sum(), pixels)
    return scores.detach(), found


@pytest.mark.parametrize(("name", "offered"), [("cprl", 4), ("lwta", 4), ("resnet", 0)])
def test_a_backward_pass_that_a_model_offers_changes_gradients_and_no_scores(
    tiny_model: Build, name: str, offered: int
) -> None:
    model, images = tiny_model(name), torch.rand(2, 3, 64, 64)
    scores, own = gradient(model, images)
    found = [own]
    for backward in model.backward_passes():
        with model.backward_through(backward):
            same, other = gradient(model, images)
        assert torch.equal(same, scores)
        assert other.isfinite().all()
        assert not any(torch.allclose(other, seen) for seen in found), backward
        found.append(other)
    assert len(found) == 1 + offered
    assert torch.equal(gradient(model, images)[1], own)
    with pytest.raises(ValueError, match="no backward pass 'another'"):
        model.backward_through("another").__enter__()


@pytest.mark.parametrize("name", MODELS)
def test_logits_have_the_scores_for_their_sigmoid(tiny_model: Build, name: str) -> None:
    model, images = tiny_model(name), torch.rand(2, 3, 64, 64)
    scores = scores_of(model, images)
    torch.manual_seed(7)
    torch.testing.assert_close(model.logits(images).sigmoid(), scores)


@pytest.mark.parametrize("name", MODELS)
def test_logits_have_a_gradient_where_scores_are_saturated(tiny_model: Build, name: str) -> None:
    model = tiny_model(name)
    nn.init.constant_(model.head.bias, 60.0)
    if name == "nima":
        nn.init.constant_(model.head.bias[:-1], 0.0)
    images = torch.rand(1, 3, 64, 64, requires_grad=True)
    (of_score,) = torch.autograd.grad(model(images).sum(), images)
    (of_logit,) = torch.autograd.grad(model.logits(images).sum(), images)
    assert of_logit.abs().max() > 1e6 * of_score.abs().max()


@pytest.mark.parametrize("shape", [(3, 64, 64), (2, 1, 64, 64), (2, 64, 64, 3)])
def test_images_of_another_shape_are_refused(tiny_model: Build, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        tiny_model("resnet")(torch.rand(shape))


@pytest.mark.parametrize("name", MODELS)
def test_an_unknown_parameter_is_named_with_the_nearest_known(name: str) -> None:
    with pytest.raises(UserError, match=r"'backbon'.*'backbone'"):
        create_model(name, backbon="resnet18")


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("cprl", "b", 0.7),
        ("cprl", "reading", "top"),
        ("dbcnn", "scnn_width", 0),
        ("lwta", "competitors", 1),
        ("lwta", "test_temperature", 0.0),
        ("nima", "dropout", 1.5),
        ("sat", "activation", "relu"),
    ],
)
def test_a_parameter_out_of_its_range_is_named(name: str, parameter: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"'{parameter}': found {value!r}, accepted is"):
        create_model(name, **{parameter: value})


@pytest.mark.parametrize("name", MODELS)
def test_every_model_starts_from_a_weights_file(name: str, tmp_path: Path, tiny_model: Build) -> None:
    arguments: dict[str, Any] = {"layers": (1, 1, 1, 1), "channels": (8, 8, 16, 16)}
    published = timm.create_model("resnet18", **arguments)
    file = tmp_path / "published.safetensors"
    save_file(published.state_dict(), file)
    model: Any = create_model(name, backbone="resnet18", backbone_args=arguments, weights_file=str(file))
    assert torch.equal(model.backbone.layer3[0].conv2.weight, published.layer3[0].conv2.weight)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_says_what_to_do_when_imagenet_weights_cannot_be_had(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"'resnet18'.*weights_file.*--from-scratch"):
        create_model(name, backbone="resnet18", pretrained=True)
