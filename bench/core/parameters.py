"""Checks the parameters in a configuration against the constructor that will receive them.

A constructor's signature is its schema: names, types and defaults. So a model or attack of a plugin
is checked as strictly as the built-in ones, without declaring anything twice.
"""

import inspect
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from .errors import UserError, nearest

Schema = TypeVar("Schema", bound=BaseModel)

Inherited = Annotated[Any, "the parameters of the base class"]
"""Annotates the `**options` of a constructor that hands them on to its base class: they are in its schema."""

LATER = "a parameter that earlier versions did not have"
"""Annotates a parameter whose default is what earlier versions did; see `keyed`."""

UNCOUNTED = "a parameter that no result depends on"
"""Annotates a parameter whose value changes no number, such as how long to wait; see `keyed`."""


class ParameterError(UserError):
    """A parameter that a constructor does not take, lacks, or takes in another type."""

    def __init__(self, where: str, key: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.key = key
        self.reason = reason


def complete_parameters(
    factory: Callable[..., Any], given: Mapping[str, Any], *, where: str, apart_from: Iterable[str] = ()
) -> dict[str, Any]:
    """Return all parameters a factory will be called with: those given, checked, plus its defaults.

    An error blames `where`: file and table, such as `bench.toml: [models.cprl]`. Those of
    `apart_from` are not of the table.

    Raises:
        ParameterError: An unknown name, a missing one or a value of the wrong type, with what is accepted.
    """
    fields, accepts_more = _fields(factory)
    fields = {name: field for name, field in fields.items() if name not in apart_from}
    unknown = [name for name in given if name not in fields]
    if unknown and not accepts_more:
        name = unknown[0]
        raise ParameterError(where, name, f"unknown key {name!r}: {nearest(name, fields)}")
    definitions: dict[str, Any] = {
        # pydantic refuses some names that a constructor may well use, such as `copy`
        f"field_{name}": (hint, Field(... if default is inspect.Parameter.empty else default, alias=name))
        for name, (hint, default) in fields.items()
    }
    schema = create_model(
        "Parameters",
        __config__=ConfigDict(extra="allow", arbitrary_types_allowed=True, protected_namespaces=()),
        **definitions,
    )
    try:
        checked = schema.model_validate(dict(given))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(keys_of(problem, given))
        reason = f"key {key!r}: {accepted(problem)}"
        if problem["type"] == "missing" and not inspect.isclass(factory):
            reason += f"; the function {factory.__name__} makes what is registered from the keys of its table"
        raise ParameterError(where, str(problem["loc"][0]), reason) from None
    complete: dict[str, Any] = checked.model_dump(by_alias=True)
    return complete


def keyed(factory: Callable[..., Any], complete: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that keys are made of.

    Those marked `LATER` are left out where they have their default, so that the keys of what earlier versions
    computed stay what they are. Those marked `UNCOUNTED` have their default, whatever was given.
    """
    fields, _ = _fields(factory)
    marked = {
        mark: {
            name: default
            for name, (hint, default) in fields.items()
            if mark in getattr(hint, "__metadata__", ())
        }
        for mark in (LATER, UNCOUNTED)
    }
    later = marked[LATER]
    kept = {name: value for name, value in complete.items() if name not in later or value != later[name]}
    return kept | {name: default for name, default in marked[UNCOUNTED].items() if name in kept}


def read_table(path: Path, schema: type[Schema]) -> Schema:
    """Read a TOML file as one table of a schema; a UserError names what is not accepted in it."""
    try:
        return schema.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file in UTF-8: {error}") from None
    except ValidationError as error:
        raise UserError(f"{path}: {first_problem(error, schema.model_fields)}") from None


def first_problem(error: ValidationError, known: Iterable[str]) -> str:
    """Return the first problem that pydantic found in a table: the key, what was found, what is accepted."""
    problem = error.errors()[0]
    key = ".".join(map(str, problem["loc"]))
    if not key:  # the whole table
        return f"accepted is {problem['msg'].removeprefix('Value error, ')}"
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}: {nearest(key, known)}"
    return f"key {key!r}: {accepted(problem)}"


def keys_of(problem: ErrorDetails, tables: Any) -> list[str]:
    """Return the keys at which pydantic found a problem, without the names of alternatives in between."""
    keys: list[str] = []
    for place, part in enumerate(problem["loc"], start=1):
        inside = isinstance(tables, Mapping) and part in tables
        inside = inside or (isinstance(tables, list) and isinstance(part, int) and part < len(tables))
        if inside:
            tables = tables[part]
        if inside or (place == len(problem["loc"]) and problem["type"] in ("missing", "extra_forbidden")):
            keys.append(str(part))
    return keys


def accepted(problem: ErrorDetails) -> str:
    """Return a problem found by pydantic in plain words: what was found, and what is accepted."""
    if problem["type"] == "missing":
        return "missing, and it has no default"
    if problem["type"] in ("dict_type", "model_type"):
        return f"found {shown(problem['input'])}, accepted is a table"
    rule = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"found {shown(problem['input'])}, accepted is {rule}"


def shown(value: Any, length: int = 80) -> str:
    """Return the representation of a value that a file holds, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python does not print integers of thousands of digits
        return "a value too long to print"
    return cut(text, length)


def cut(text: str, length: int = 80) -> str:
    """Return a text, cut where it is long."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _fields(factory: Callable[..., Any]) -> tuple[dict[str, tuple[Any, Any]], bool]:
    """Return the type and default of each parameter by name, and whether others are accepted, too."""
    target = factory.__init__ if inspect.isclass(factory) else factory
    hints = get_type_hints(target, include_extras=True)
    fields: dict[str, tuple[Any, Any]] = {}
    inherited: dict[str, tuple[Any, Any]] = {}
    accepts_more = False
    for name, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            if inspect.isclass(factory) and hints.get(name) == Inherited:
                # The base class that `super().__init__` of the constructor calls.
                base = [owner for owner in factory.__mro__ if "__init__" in vars(owner)][1]
                inherited, accepts_more = _fields(base)
            else:
                accepts_more = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            fields[name] = (hints.get(name, Any), parameter.default)
    return {**fields, **inherited, **fields}, accepts_more  # own ones first, and overruling
