"""A `[KIND.NAME]` table of the configuration: what it names, and its parameters, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from ...core import registry
from ...core.config import Settings
from ...core.configuration.values import ALL
from ...core.errors import UserError, blaming_line, located
from ...core.parameters import complete_parameters, shown
from ...core.text import heading
from ...datasets.framing import RESIZE, Framing
from ..adaptation import BLACK_BOX, NAMING, adaptation, class_of

LONGEST_NAME = 150
"""Maximum bytes of a name: files named after it add a digest and more, and a file system allows 255."""

OF_MODELS = {"weights": None, "black_box": False, "defence": "none", "recipe": None, "pixels": None}
"""Keys of a model's table that are neither its class's nor its adapter's, and what they are without it."""


@dataclass(frozen=True)
class Method:
    """A model, attack, defence or dataset by the name of its table, with all its parameters."""

    name: str  # of its table
    factory: registry.Factory  # what builds it
    params: dict[str, Any]  # all that it is called with
    where: str  # the table to blame for it
    # What keys hold besides parameters: its class, where its name does not say which. Two classes may take
    # the same parameters, and be of one file. Of `FILE.py:CLASS` the class is told, as a digest stands for
    # the file; a black box has one of what it asks.
    told: dict[str, str]

    @cached_property
    def source(self) -> str | None:
        """Digest of the plugin's file that it comes from, if any."""
        return registry.source_digest(self.factory)

    @property
    def version(self) -> int:
        """Version of its code."""
        return registry.version_of(self.factory)

    def called(self, params: Mapping[str, Any]) -> Any:
        """Call the factory with parameters; a UserError of its own names the table and the user's line."""
        with located(self.where), blaming_line("cannot be built"):
            return self.factory(**params)


def framing_of(settings: Settings, name: str, value: Any) -> Framing:
    """Return what the key `pixels` of a model's table says; a UserError where it is not accepted."""
    try:
        return Framing.of(value, settings.run.image_size)
    except ValueError as error:
        raise UserError(f"{settings.where('models', name, 'pixels')}: key 'pixels': {error}") from None


def checked(
    settings: Settings, kind: registry.Kind, name: str, point: Mapping[str, Any] | None = None
) -> tuple[Method, dict[str, Any]]:
    """Return the method of a table, and what a model's table says besides the parameters of its class.

    That is `OF_MODELS`, with the framing that `pixels` asks for, and the parameters of its adapter as
    `adaptation`, None where it needs none. The values of a grid's point go before those of the table.
    """
    check_name(settings, kind, name)
    registered, table = table_of(settings, kind, name)
    said = {key: table.pop(key, default) for key, default in OF_MODELS.items() if kind == "models"}
    _require_text(settings, kind, name, "weights", said.get("weights"), "a file's path")
    factory = _resolved(settings, kind, name, registered, table)
    with settings.blaming("grid" if point else kind, name):
        table |= point or {}
        where, path = heading(kind, name), registry.is_path(kind, registered)
        if kind == "models":
            said["adaptation"] = adaptation(factory, table, where, always=path)
        params = complete_parameters(factory, table, where=where)
    if kind == "models":
        pixels = getattr(factory, "pixels", RESIZE) if said["pixels"] is None else said["pixels"]
        said["pixels"] = framing_of(settings, name, pixels)
        if "pretrained" in params and "pretrained" not in table:
            params["pretrained"] = settings.training.pretrained
    told = {"class": registered.rpartition(":")[2] if path else registered}
    its_own = registered in (name, BLACK_BOX)
    return Method(name, factory, params, settings.where_table(kind, name), {} if its_own else told), said


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
        adapter, test_list = table.pop("adapter", name), table.pop("test_list", None)
        _require_text(settings, kind, name, "adapter", adapter, "the name of one")
        _require_text(settings, kind, name, "test_list", test_list, "a file's path")
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


def _require_text(
    settings: Settings, kind: registry.Kind, name: str, key: str, value: Any, accepted: str
) -> None:
    if not isinstance(value, str | None):
        where = settings.where(kind, name, key)
        raise UserError(f"{where}: key {key!r}: found {shown(value)}, accepted is {accepted}")


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
