"""Finds what a model says of itself where a sweep, which plans before it builds, does not look for it."""

import inspect
from typing import Any

from torch import nn

from ....models.adapted.adapter import Adapter
from ...core.errors import UserError
from ...core.text import heading
from ..plan import PlannedModel

_KINDS = ("stochastic", "black_box", "full_reference")
_SCALES = ("score_range", "lower_is_better")


def check_stated(model: nn.Module, planned: PlannedModel) -> None:
    """Check that what a model, as it was built, says of itself is what was planned.

    An `__init__` may set `self.stochastic`, and a function that is registered may build a model whose class
    says it.

    Raises:
        UserError: the model says of itself what would be passed over.
    """
    own: Any = model.model if isinstance(model, Adapter) else model
    for name in _KINDS:
        if getattr(own, name, False) is True and not getattr(planned, name):
            raise UserError(f"{_unseen(own, name, True)}; say it in the class, or of what is registered")
    parameters = inspect.signature(planned.factory).parameters
    for name in _SCALES:
        said, followed = getattr(own, name, None), (planned.adaptation or {}).get(name)
        if _of_scale(said) and not followed and name not in parameters:
            raise UserError(
                f"{_unseen(own, name, said)}; say it in the class, or in {heading('models', planned.name)}"
            )


def _unseen(model: nn.Module, name: str, said: Any) -> str:
    return (
        f"{type(model).__name__} says `{name} = {said}` where a sweep does not look for it, as in its "
        "__init__ or in the class that a registered function builds"
    )


def _of_scale(said: Any) -> bool:
    """Return whether what a model says of its scores is a range or a direction as `Adapter` takes it."""
    if isinstance(said, list | tuple):
        return len(said) == 2 and all(isinstance(end, int | float) for end in said)
    return said is True or (isinstance(said, str) and said == "unbounded")
