"""The training recipe that a model's table asks for."""

from dataclasses import dataclass
from typing import Any

from ...core import registry
from ...core.errors import UserError, nearest
from ...core.parameters import ParameterError, complete_parameters, keyed, shown

_GIVEN = ("model", "settings", "regime")  # by the loop
FITTED = "none"  # the recipe of a model that is used as it is built


@dataclass(frozen=True)
class PlannedRecipe:
    """A training recipe by name, with all its parameters."""

    name: str  # registered name
    # What it is called with, besides the model, `[training]` and the regime. Parameters that earlier versions
    # did not have are absent where they have their default.
    params: dict[str, Any]


def plan_recipe(value: Any, where: str) -> PlannedRecipe | None:
    """Return what the key `recipe` of a model's table says: a name, or a table with a name and parameters.

    Raises:
        UserError: an unknown recipe, or a parameter that it does not take.
    """
    if value is None:
        return None
    given = dict(value) if isinstance(value, dict) else {"name": value}
    name = given.pop("name", None)
    if not isinstance(name, str):
        raise UserError(f"{where}: found {shown(value)}, accepted is a name or a table with a `name`")
    if name == FITTED and not given:
        return PlannedRecipe(name, {})
    known = [FITTED, *registry.names("recipes")]
    if name not in known[1:]:
        raise UserError(f"{where}: unknown recipe {name!r}: {nearest(name, known)}")
    factory = registry.resolve("recipes", name)
    try:
        params = complete_parameters(factory, given, where=where, apart_from=_GIVEN)
        return PlannedRecipe(name, keyed(factory, params))
    except ParameterError as error:
        raise UserError(f"{where}: {error.reason}") from None
