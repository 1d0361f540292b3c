"""Feature backbones from timm, with ImageNet weights or an error: never a silent fallback."""

import socket
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache
from torch import nn

from ..bench.core.errors import UserError

# Arguments of timm that would change what this module decides, or read a pickled checkpoint.
_RESERVED = {
    "cache_dir", "checkpoint_path", "features_only", "global_pool", "in_chans", "model_name", "num_classes",
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay",
}  # fmt: skip


def create_backbone(
    name: str,
    *,
    pretrained: bool = False,
    weights_file: str | None = None,
    backbone_args: Mapping[str, Any] | None = None,
    max_stride: int = 32,
) -> nn.Module:
    """Build a timm model without its classifier: images (N, 3, H, W) to features (N, C, h, w).

    The features are the deepest that are no coarser than `max_stride`; what comes after them is cut off.
    `backbone.num_features` is C; `backbone.pretrained_cfg` holds `mean` and `std`.

    Args:
        name: A name of `timm.list_models()`; a tag picks one of several sets of weights (`resnet50.tv_in1k`).
        pretrained: Load the weights that timm publishes under that name, as safetensors from its hub.
        weights_file: Load these weights instead: a `.safetensors` file with timm's keys for that name,
            classifier included, such as the `model.safetensors` of its hub repository.
        backbone_args: Passed to timm; lists become tuples. For example `layers` = [1, 1, 1, 1] and
            `channels` = [32, 64, 128, 256] make a half-width ResNet-10 out of `resnet18`.
        max_stride: Upper limit of the ratio of image size to feature size.

    Raises:
        UserError: unknown name or argument, weights that cannot be had or do not fit, or a model of timm's
            that has no feature maps.
    """
    arguments = {key: _tuples(value) for key, value in (backbone_args or {}).items()}
    _check(name, arguments)
    if weights_file is not None:
        backbone = _with_file(name, weights_file, arguments)
    elif pretrained:
        backbone = _with_hub_weights(name, arguments)
    else:
        backbone = timm.create_model(name, **arguments)
    return _cut(backbone, name, max_stride)


def _check(name: str, arguments: Mapping[str, Any]) -> None:
    if not timm.is_model(name):
        close = " or ".join(repr(match) for match in get_close_matches(name, timm.list_models(), n=3))
        hint = f"did you mean {close}?" if close else "timm.list_models() lists what there is."
        raise UserError(f"backbone {name!r} is not a model of timm {timm.__version__}: {hint}")
    for key in sorted(_RESERVED & arguments.keys()):
        raise UserError(f"backbone_args of {name!r}: {key!r} cannot be set there")
    try:
        with torch.device("meta"):
            timm.create_model(name, **arguments)
    except Exception as error:
        given = f" with backbone_args = {dict(arguments)}" if arguments else ""
        raise UserError(f"timm cannot build backbone {name!r}{given}: {_reason(error)}") from error


def _with_file(name: str, weights_file: str, arguments: Mapping[str, Any]) -> nn.Module:
    path = Path(weights_file).expanduser()
    if path.suffix != ".safetensors":
        raise UserError(
            f"weights_file {weights_file}: only .safetensors files are read, because loading a pickle "
            "(.pth, .pt, .bin) can run code. To convert one that you trust: "
            "safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'weights.safetensors')"
        )
    if not path.is_file():
        raise UserError(f"weights_file {weights_file}: no such file")
    try:
        return _build(name, arguments, {"file": str(path)})
    except Exception as error:
        raise UserError(
            f"weights_file {weights_file} does not fit backbone {name!r}: {_reason(error)}. It must hold "
            "timm's keys for that name, classifier included; is it of another backbone, or do backbone_args "
            "change the shapes?"
        ) from error


def _with_hub_weights(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    published = timm.get_pretrained_cfg(name)
    if published is None or not published.hf_hub_id:
        raise _no_weights(name, "timm publishes none under this name")
    kept = try_to_load_from_cache(published.hf_hub_id, "model.safetensors")
    if isinstance(kept, str):  # without asking the hub, which retries for a minute where there is no network
        return _build(name, arguments, {"file": kept})
    if not _reachable():
        raise _no_weights(name, "its host is not reached from here, and no copy of them is kept")
    try:
        # Naming the file keeps timm from falling back to a pickled checkpoint.
        return _build(name, arguments, {"hf_hub_filename": "model.safetensors", "url": ""})
    except Exception as error:
        raise _no_weights(name, _reason(error)) from error


def _reachable() -> bool:
    """Return whether the hub's name can be looked up; where a proxy does that, take it for reachable."""
    if constants.HF_HUB_OFFLINE or getproxies():
        return True
    try:
        return bool(socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443))
    except OSError:
        return False


def _build(name: str, arguments: Mapping[str, Any], source: dict[str, str]) -> nn.Module:
    # With the classifier in place timm loads strictly: a missing key is an error, not a random layer.
    return timm.create_model(name, pretrained=True, pretrained_cfg_overlay=source, **arguments)


def _no_weights(name: str, reason: str) -> UserError:
    return UserError(
        f"no ImageNet weights for backbone {name!r}: {reason}. Connect to the network once (timm keeps a "
        "copy), or give `weights_file` a .safetensors file, or train from scratch with `--from-scratch` "
        "(`pretrained = false`)"
    )


def _cut(model: nn.Module, name: str, max_stride: int) -> nn.Module:
    backbone: Any = model
    if not hasattr(backbone, "prune_intermediate_layers") or not hasattr(backbone, "feature_info"):
        raise UserError(f"backbone {name!r} has no feature maps to take; choose another, such as 'resnet50'")
    levels = list(backbone.feature_info)
    fine_enough = [index for index, level in enumerate(levels) if level["reduction"] <= max_stride]
    if not fine_enough:
        raise UserError(f"backbone {name!r} has no features at 1/{max_stride} of the image size or finer")
    deepest = fine_enough[-1]
    backbone.prune_intermediate_layers([deepest], prune_head=True)
    backbone.num_features = levels[deepest]["num_chs"]
    return model


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]).rstrip(".")[:300] or type(error).__name__
