"""Functions that change a backbone in place: its ReLUs, and its stages."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import nn

from ..bench.core.errors import UserError

Make = Callable[[], nn.Module]


class Stage(NamedTuple):
    """A stage of a residual network: blocks at one resolution, and the number of channels they give."""

    blocks: nn.Sequential
    channels: int


def replace_activations(backbone: nn.Module, make: Make) -> None:
    """Replace every ReLU by a new module that `make` makes; raise UserError where there is none."""
    for parent, name in _activations(backbone):
        setattr(parent, name, make())


def replace_last_activation(block: nn.Module, module: nn.Module) -> None:
    """Replace the ReLU that ends a residual block by a module; raise UserError where there is none."""
    parent, name = _activations(block)[-1]
    setattr(parent, name, module)


def stages(backbone: nn.Module) -> list[Stage]:
    """Return the stages of a residual network, in order; raise UserError where the backbone has none."""
    levels: Any = backbone.feature_info
    modules = dict(backbone.named_modules())
    candidates = [(modules.get(level["module"]), level["num_chs"]) for level in levels]
    found = [Stage(module, channels) for module, channels in candidates if isinstance(module, nn.Sequential)]
    if not found:
        raise UserError(
            "this method works on stages of residual blocks, and the backbone "
            f"({type(backbone).__name__}) has none; choose a ResNet, such as 'resnet50'"
        )
    return found


def _activations(module: nn.Module) -> list[tuple[nn.Module, str]]:
    places = list(_find_activations(module))
    if not places:
        raise UserError(
            f"this method replaces ReLUs, and the backbone has none in {type(module).__name__}; choose one "
            "that has, such as 'resnet50'"
        )
    return places


def _find_activations(module: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                yield parent, name
