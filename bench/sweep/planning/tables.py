"""A `[KIND.NAME]` table of the configuration: what it names, and its parameters, checked."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ...core import registry
from ...core.config import Settings
from ...core.configuration.values import ALL
from ...core.errors import UserError, blaming_line
from ...core.parameters import complete_parameters, shown
from ...core.text import heading
from ...datasets.framing import RESIZE, Framing
from ..adaptation import BLACK_BOX, NAMING, adaptation, class_of

LONGEST_NAME = 150
"""Maximum bytes of a name: files named after it add a digest and more, and a file system allows 255."""


def framing_of(settings: Settings, name: str, value: Any) -> Framing:
    """Return what the key `pixels` of a model's table says; a UserError where it is not accepted."""
    try:
        return Framing.of(value, settings.run.image_size)
    except ValueError as error:
        raise UserError(f"{settings.where('models', name, 'pixels')}: key 'pixels': {error}") from None


def checked(
    settings: Settings, kind: registry.Kind, name: str, point: Mapping[str, Any] | None = None
) -> tuple[registry.Factory, dict[str, Any], dict[str, Any] | None]:
    """Return the method registered for a table, its parameters, and those of a model's adapter.

    The values of a grid's point go before those of the table.
    """
    check_name(settings, kind, name)
    registered, table = table_of(settings, kind, name)
    weights = table.pop("weights", None) if kind == "models" else None
    for key in ("black_box", "defence", "recipe") if kind == "models" else ():
        table.pop(key, None)
    pixels = table.pop("pixels", RESIZE) if kind == "models" else RESIZE
    if not isinstance(weights, str | None):
        where = settings.where(kind, name, "weights")
        raise UserError(f"{where}: key 'weights': found {shown(weights)}, accepted is a file's path")
    framing_of(settings, name, pixels)
    factory, options = _resolved(settings, kind, name, registered, table), None
    with settings.blaming("grid" if point else kind, name):
        table |= point or {}
        where = heading(kind, name)
        if kind == "models":
            options = adaptation(factory, table, where, always=registry.is_path(kind, registered))
        return factory, complete_parameters(factory, table, where=where), options


def _resolved(
    settings: Settings, kind: registry.Kind, name: str, registered: str, table: Mapping[str, Any]
) -> registry.Factory:
    """Return the method registered under a name; an error names a key of its table that may be mistyped."""
    try:
        return registry.resolve(kind, registered)
    except UserError as error:
        known = (*NAMING, "like") if kind == "models" else ("like",)
        for key in () if registered in registry.names(kind) else table:
            if close := get_close_matches(key, known, n=1):
                where = settings.where_table(kind, name)
                raise UserError(
                    f"{where}: key {key!r}: did you mean {close[0]!r}? As it is: {error}"
                ) from None
        raise


def check_name(settings: Settings, kind: registry.Kind, name: str) -> None:
    """Check that files can be named after a method or dataset, before anything is trained."""
    size = len(name.encode("utf-8", "replace"))
    if not name.isprintable() or {*name} & {*"/\\"} or not name.strip(". ") or size > LONGEST_NAME:
        raise UserError(
            f"{settings.where_table(kind, name)}: files are named after it, so a name is printable, "
            f"without / and \\, not only dots, and of at most {LONGEST_NAME} bytes; this one has {size}"
        )


def table_of(settings: Settings, kind: registry.Kind, name: str) -> tuple[str, dict[str, Any]]:
    """Return the registered name of a table's method, and its parameters with those that it starts from."""
    tables: dict[str, dict[str, Any]] = getattr(settings, kind)
    table = dict(tables.get(name, {}))
    if kind == "datasets":
        adapter = table.pop("adapter", name)
        if not isinstance(adapter, str):
            where = settings.where(kind, name, "adapter")
            raise UserError(f"{where}: key 'adapter': found {shown(adapter)}, accepted is the name of one")
        if not isinstance(test_list := table.pop("test_list", None), str | None):
            where = settings.where(kind, name, "test_list")
            raise UserError(f"{where}: key 'test_list': found {shown(test_list)}, accepted is a file's path")
        return adapter, table
    passed = [name]
    while (like := table.pop("like", None)) is not None:
        if not isinstance(like, str) or like in passed:
            where = settings.where(kind, name, "like")
            raise UserError(f"{where}: key 'like': found {shown(like)}, accepted is another name of {kind}")
        passed.append(like)
        table = {**tables.get(like, {}), **table}
    if kind == "models":
        with settings.blaming(kind, name):
            return class_of(passed[-1], table, heading("models", name)), table
    return passed[-1], table


def class_told(settings: Settings, kind: registry.Kind, name: str) -> dict[str, str]:
    """Return what keys hold of a table besides parameters: its class, where its name does not say which.

    Two classes may take the same parameters, and be of one file. Of `FILE.py:CLASS` the class is told, as a
    digest stands for the file; a black box has one of what it asks.
    """
    registered, _ = table_of(settings, kind, name)
    if registered in (name, BLACK_BOX):
        return {}
    return {"class": registered.rpartition(":")[2] if registry.is_path(kind, registered) else registered}


def built(factory: registry.Factory, params: dict[str, Any], where: str) -> Any:
    """Call a factory with its parameters; a UserError of its own names the table and the user's line."""
    try:
        with blaming_line("cannot be built"):
            return factory(**params)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def chosen_names(
    asked: list[str], kind: registry.Kind, configured: Mapping[str, Any], *, key: str = ""
) -> list[str]:
    """Return the names that a key of `[run]` asks for; for "all", those that have a table and of plugins.

    Raises:
        UserError: no name is asked for.
    """
    if asked == [ALL]:
        plugins = [name for name in registry.names(kind) if registry.is_plugin(kind, name)]
        asked = [*configured, *plugins]
    if not asked:
        raise UserError(
            f"[run]: {key or kind}: the list is empty; `iqabench list {kind}` shows what there is"
        )
    return list(dict.fromkeys(asked))
