"""Batch normalisation folded into the convolution before it: fewer passes over memory, the same scores.

In evaluation mode batch normalisation is a fixed scale and shift per channel, which a convolution can carry
in its own weights; on a CPU its backward pass is among the dearest of a pixel gradient.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ....models.adapted.referenced import Referenced
from ...core.configuration.values import Precision
from .stem import with_pixel_convolutions

TOLERANCE = 1e-5  # of scores in [0, 1], for rounding in another order
OF_THE_SPREAD = 1e-3  # of the scores of some images, likewise


def ready_to_score(model: nn.Module, images: Tensor, precision: Precision = "fp32") -> nn.Module:
    """Return a model in evaluation mode, its weights without gradients, folded, on the device of the images.

    The memory order of its weights decides the one that it computes in: channels last is the faster one on
    CPUs and on the tensor cores of GPUs, the other one in float32 on GPUs. The folded model is tried on the
    images (N, 3, H, W) in [0, 1]; most passes will have the given precision.
    """
    model.requires_grad_(False).eval()
    channels_last = images.device.type == "cpu" or precision != "fp32"
    order = torch.channels_last if channels_last else torch.contiguous_format
    model.to(images.device, memory_format=order)  # type: ignore[call-overload]
    model = model if isinstance(model, Referenced) else folded(model, images)
    if images.device.type == "cpu" and precision == "fp32":
        with_pixel_convolutions(model)
    return model


def folded(model: nn.Module, images: Tensor) -> nn.Module:
    """Return the model with batch normalisations folded where that is exact; itself where nothing can be.

    Which convolution feeds which normalisation is seen in a forward pass. The folded copy is used only if it
    scores images (N, 3, H, W) in [0, 1] as the model in evaluation mode does; a model whose forward passes
    differ by themselves is left alone.
    """
    pairs = _pairs(model, images)
    if not pairs or getattr(model, "stochastic", False):
        return model
    candidate = copy.deepcopy(model)
    for convolution, normalisation in pairs:
        before, after = candidate.get_submodule(convolution), candidate.get_submodule(normalisation)
        assert isinstance(before, nn.Conv2d)
        assert isinstance(after, nn.BatchNorm2d)
        fused = fuse_conv_bn_eval(before, after)
        _replace(candidate, convolution, fused)
        _replace(candidate, normalisation, nn.Identity())
    with torch.inference_mode():
        same = _alike(candidate(images), model(images))
    return candidate.requires_grad_(False) if same else model


def _alike(scores: Tensor, others: Tensor) -> bool:
    """Return whether scores (N,) are others, but for rounding.

    Those in float64 are of a scale without bounds and may all lie within `TOLERANCE`: of them the differences
    between images count.
    """
    tolerance = TOLERANCE
    if others.dtype == torch.float64:
        tolerance = min(TOLERANCE, OF_THE_SPREAD * float(others.max() - others.min()))
    return torch.allclose(scores, others, rtol=0, atol=tolerance)


def _pairs(model: nn.Module, images: Tensor) -> list[tuple[str, str]]:
    """Return the names of convolutions and of the normalisations that take their outputs, in pairs.

    Both must be called once in a forward pass, and be of these very classes: a subclass may do more.
    """
    calls: dict[str, int] = {}
    made_by: dict[int, str] = {}
    kept: list[Tensor] = []  # alive, so that no two outputs share an identity
    pairs: list[tuple[str, str]] = []

    def watch(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            calls[name] = calls.get(name, 0) + 1
            if type(module) is nn.Conv2d:
                kept.append(output)
                made_by[id(output)] = name
            elif inputs and id(inputs[0]) in made_by:  # one that is called by keyword is not folded
                pairs.append((made_by[id(inputs[0])], name))

        return hook

    hooks = [
        module.register_forward_hook(watch(name))
        for name, module in model.named_modules()
        if type(module) in (nn.Conv2d, nn.BatchNorm2d)
    ]
    try:
        with torch.inference_mode():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return [pair for pair in pairs if all(calls[name] == 1 for name in pair)]


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
