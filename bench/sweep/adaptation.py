"""Keys that every `[models.NAME]` table may have: its class, and how its input and scores are adapted."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from ...models.adapted.adapter import Adapter
from ..core import registry
from ..core.errors import UserError
from ..core.parameters import ParameterError, complete_parameters, shown

BLACK_BOX = "iqabench.models.adapted.blackbox:BlackBox"
NAMING = ("network", "function", "command")
"""Keys of a table by which it names its model itself."""
_OF_CLASSES = ("score_range", "lower_is_better")  # which a class may say of itself
_KEYS = ("input_size", "mean", "std", "precision", *_OF_CLASSES)


def class_of(name: str, table: dict[str, Any], where: str) -> str:
    """Return the name that a table's model is registered under, or its path; take out the key that says it.

    Raises:
        ParameterError: a key is not a text, or two keys name two models.
    """
    network, black_box = table.pop("network", None), table.get("black_box")
    boxed = [key for key in ("function", "command") if key in table]
    if network is not None and boxed:
        raise ParameterError(where, "network", f"keys 'network' and {boxed[0]!r} name two models: drop one")
    if not isinstance(network, str | None) or (network is not None and ":" not in network):
        raise ParameterError(
            where,
            "network",
            f"key 'network': found {network!r}, accepted is FILE.py:CLASS or package.module:CLASS",
        )
    if not isinstance(black_box, bool | None) or (boxed and black_box is False):
        reason = f"found {black_box!r}, accepted is true or false, and true with `function` or `command`"
        raise ParameterError(where, "black_box", f"key 'black_box': {reason}")
    return network or (BLACK_BOX if boxed else name)


def adaptation(
    factory: registry.Factory, table: dict[str, Any], where: str, *, always: bool
) -> dict[str, Any] | None:
    """Return the parameters of the `Adapter` of a model, taken out of its table; None where it needs none.

    A key that the model's own constructor takes is left in the table.
    """
    own = inspect.signature(factory).parameters
    given = {key: getattr(factory, key) for key in _OF_CLASSES if hasattr(factory, key)}
    given |= {key: table.pop(key) for key in _KEYS if key in table and key not in own}
    if not given and not always:
        return None
    if isinstance(given.get("score_range"), tuple):
        given["score_range"] = list(given["score_range"])
    said = given.get("score_range")
    if not isinstance(said, list | None) and said != "unbounded":
        reason = f"key 'score_range': found {shown(said)}, accepted is [LOW, HIGH] or \"unbounded\""
        raise ParameterError(where, "score_range", reason)
    complete = complete_parameters(Adapter, given, where=where, apart_from=["model"])
    mean = complete["mean"]
    if mean and max(mean) > 1:
        wanted = [float(f"{value / 255:.4g}") for value in mean]
        reason = f"found {mean}, accepted are numbers for pixels from 0 to 1: did you mean {wanted}?"
        raise ParameterError(where, "mean", f"key 'mean': {reason}")
    try:
        Adapter(nn.Identity(), **complete)
    except UserError as error:
        raise ParameterError(where, "score_range", str(error)) from None
    return complete


def adapted(model: nn.Module, options: Mapping[str, Any] | None) -> nn.Module:
    """Return the model in its adapter, where it has one."""
    return model if options is None else Adapter(model, **options)
