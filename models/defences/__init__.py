"""Defences: what is done to images before any model scores them. One file per defence.

A defence is known by its name, and several are joined by `+`, in the order in which an image passes them:
`median+flip` filters an image, then mirrors it.
"""

from typing import TYPE_CHECKING, Any

import lazy_loader

from ...bench.core import registry
from ...bench.core.parameters import complete_parameters

if TYPE_CHECKING:
    from .base import Defence, Defended

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"base": ["Defence", "Defended"]})

__all__ = ["Defence", "Defended", "create_defence"]


def create_defence(name: str, **params: Any) -> "Defence":
    """Build a registered defence by name, in evaluation mode; one that learns is not trained.

    Args:
        name: One of `iqabench list defences`, or registered by a plugin.
        params: Its constructor's parameters, such as `quality=50`.

    Raises:
        UserError: unknown name or parameter, or a value that is not accepted.
    """
    factory = registry.resolve("defences", name)
    where = f"defence {name!r}"
    defence: Defence = factory(**complete_parameters(factory, params, where=where))
    return defence.eval().requires_grad_(False)
