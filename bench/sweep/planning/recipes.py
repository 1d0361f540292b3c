"""The training recipe that a model's table asks for."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from torch import nn

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
    options = _options(factory)
    try:
        return PlannedRecipe(name, keyed(options, complete_parameters(options, given, where=where)))
    except ParameterError as error:
        raise UserError(f"{where}: {error.reason}") from None


def _options(factory: registry.Factory) -> Callable[..., Any]:
    """Return a function with the parameters of a recipe that the loop does not give."""

    def options() -> None: ...

    signature = inspect.signature(factory)
    own = [parameter for name, parameter in signature.parameters.items() if name not in _GIVEN]
    target = factory.__init__ if inspect.isclass(factory) else factory
    options.__annotations__ = {
        name: hint
        for name, hint in get_type_hints(target, include_extras=True).items()
        if name not in (*_GIVEN, "return")
    }
    vars(options)["__signature__"] = signature.replace(parameters=own)
    return options


def trained_by(model: nn.Module, recipe: PlannedRecipe | None) -> nn.Module:
    """Return a model that asks for a recipe; without one, as it is."""
    if recipe is not None:
        model.recipe = recipe.name  # type: ignore[assignment]
        model.recipe_params = recipe.params  # type: ignore[assignment]
    return model
