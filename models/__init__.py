"""Quality models: images in, scores out. One file per method.

The contract: an `nn.Module` whose `forward(images)` takes float (N, 3, H, W) in [0, 1], RGB, and returns
(N,) scores in [0, 1], higher is better. Normalisation and resizing that belong to the model happen
inside it, so that an attack works on pixels.
"""

from typing import TYPE_CHECKING, Any

import lazy_loader

from ..bench.core import registry
from ..bench.core.parameters import complete_parameters

if TYPE_CHECKING:
    from torch import nn

    from .base import IQAModel

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"base": ["IQAModel"]})

__all__ = ["IQAModel", "create_model"]


def create_model(name: str, **params: Any) -> "nn.Module":
    """Build a registered model by name, in training mode, with fresh weights.

    Args:
        name: One of `iqabench list models`, or registered by a plugin.
        params: Its constructor's parameters, such as `backbone="resnet18"`, `pretrained=True`.

    Raises:
        UserError: unknown name or parameter, a value of the wrong type, or weights that cannot be had.
    """
    factory = registry.resolve("models", name)
    model: nn.Module = factory(**complete_parameters(factory, params, where=f"model {name!r}"))
    return model
