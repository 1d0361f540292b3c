"""Read, overlay and validate `bench.toml`: the configuration in force for one command.

Four layers, later ones winning: the packaged file's tables, its profile, the user's file, its profile of
the same name. Command-line options go on top. So a user's file holds only what differs, and a profile
is an overlay of the same tables; it may extend another, and several can be named one after the other. Every
key is described at its field below, and in `docs/configuration.md`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field, PrivateAttr, ValidationError
from pydantic_core import ErrorDetails

from .configuration.tables import (
    CheckSettings,
    Configured,
    EngineSettings,
    RunSettings,
    TrainingSettings,
)
from .configuration.values import LARGEST
from .errors import UserError, nearest
from .files import regular
from .parameters import ParameterError, accepted, keys_of, shown
from .text import heading

PACKAGED = Path(__file__).resolve().parents[2] / "bench.toml"

Table = dict[str, Any]


class Settings(Configured):
    """Everything in force for one command."""

    profile: str = Field(description="the profile, or several, used where the command line names none")
    run: RunSettings = Field(description="what the sweep covers")
    engine: EngineSettings = Field(
        default=EngineSettings(), description='what the engine "ray" does with a cluster'
    )
    training: TrainingSettings = Field(description="how a model without weights is fitted")
    check: CheckSettings = Field(description="how far a number may be from what it is checked against")
    datasets: dict[str, Table] = Field(
        description="`adapter` (from `iqabench list datasets`; default: the table's name) and its parameters"
    )
    models: dict[str, Table] = Field(
        description="the model's parameters; `weights`: a safetensors file to use instead of training; "
        "`like`: another model's name, to start from its table; `pixels`: how images become what it is given"
        "; `defence`: what they pass before, such as `jpeg` or `median+flip`; `recipe`: how it is trained, "
        'such as `gradient_norm` or `{ name = "gradient_norm", weight = 1e-3 }`; "none": it is used '
        "as it is built"
    )
    attacks: dict[str, Table] = Field(
        description="the attack's parameters; `like`: another attack's name, to start from its table"
    )
    defences: dict[str, Table] = Field(
        default={},
        description="the defence's parameters; `like`: another defence's name, to start from its table",
    )
    grid: dict[str, dict[str, list[Any]]] = Field(
        default={},
        description="values of a model's parameters; the sweep covers every combination, as variants",
    )

    _command: str = PrivateAttr(default="")
    _layers: list["_Layer"] = PrivateAttr(default_factory=list)

    @property
    def command(self) -> str:
        """The command as it was typed, kept with what it computes; empty for a call from Python."""
        return self._command

    def where(self, *path: str) -> str:
        """Return the file and table that a key comes from, for an error message."""
        return _locate(self._layers, list(path))[0]

    def where_table(self, kind: str, name: str) -> str:
        """Return the file and table of `[KIND.NAME]`, for an error message about the whole of it.

        Where no file has that table: the kind and the name, as in `model 'pyiqa:musiq'`.
        """
        layer, depth = _deepest_layer(self._layers, [kind, name])
        return f"{layer.source}: {heading(*layer.prefix, kind, name)}" if depth > 1 else _titled(kind, name)

    @contextmanager
    def blaming(self, kind: str, name: str) -> Iterator[None]:
        """Name file and table in an error about a parameter of `[KIND.NAME]`."""
        try:
            yield
        except ParameterError as error:
            known = _deepest_layer(self._layers, [kind, name])[1] > 1
            where = self.where(kind, name, error.key) if known else _titled(kind, name)
            raise UserError(f"{where}: {error.reason}") from None


COMMAND_LINE = "command line"  # source of what options say
NAMED = ("datasets", "models", "attacks", "defences", "grid")  # tables of tables, whose names are the user's


class _Profiles(BaseModel):
    profiles: dict[str, Table] = {}


class _Layer(NamedTuple):
    source: str  # file name, or "command line"
    prefix: list[str]  # where in the file the tables stand: [] or ["profiles", "demo"]
    tables: Table


def load_settings(
    path: Path | None = None,
    *,
    profile: str | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    command: str = "",
) -> Settings:
    """Read, overlay and validate the configuration.

    Args:
        path: A `bench.toml`. Default: `./bench.toml` where there is one, else only the packaged file.
        profile: Name of a `[profiles.NAME]` overlay, or several with commas between them, later ones
            winning. Default: the file's `profile` key.
        overrides: Values from the command line, `{"run": {"seed": 3}}`; they win.
        command: The command as it was typed, kept with each cell and each trained model.

    Raises:
        UserError: no such file or profile, not TOML, an unknown key or an unacceptable value: names the
            file, the table and the key, what was found and what is accepted.
    """
    files = [_Layer(f"packaged {PACKAGED.name}", [], _read(PACKAGED))]
    if path is None and Path("bench.toml").is_file():
        path = Path("bench.toml")
    if path is not None and path.resolve() != PACKAGED:
        files.append(_Layer(str(path), [], _read(path)))

    profiles: dict[str, Table] = _validate(files, _Profiles).get("profiles", {})
    known = sorted(profiles)
    for name in known:  # a mistake in a profile not in use is still a mistake
        _validate(_layers(files, _chain(files, profiles, [name])))
    chosen = profile
    if chosen is None:
        chosen = str(_validate(_layers(files, []), need_all=False).get("profile"))
    names = [name.strip() for name in chosen.split(",")]
    for name in names:
        if name not in known:
            source = files[-1].source if profile is None else "--profile"
            raise UserError(f"{source}: unknown profile {name!r}: {nearest(name, known)}")

    layers = _layers(files, _chain(files, profiles, names))
    layers.append(_Layer(COMMAND_LINE, [], {"profile": chosen, **(overrides or {})}))
    settings = Settings.model_validate(_validate(layers))
    settings._layers, settings._command = layers, command
    return settings


def _chain(files: list[_Layer], profiles: Mapping[str, Table], names: list[str]) -> list[str]:
    """Return the profiles to lay over the tables, in order: what the first extends goes before it."""
    below = [names[0]]
    while (extended := profiles[below[0]].get("extends")) is not None:
        if not isinstance(extended, str) or extended not in profiles:
            where, _, key = _locate(files, ["profiles", below[0], "extends"])
            reason = f"found {shown(extended)}: {nearest(str(extended), profiles)}"
            raise UserError(f"{where}: key {key!r}: {reason}")
        if extended in below:
            raise UserError(f"profile {extended!r} extends itself, through {', '.join(map(repr, below))}")
        below.insert(0, extended)
    return [*below, *names[1:]]


def _layers(files: list[_Layer], profiles: list[str]) -> list[_Layer]:
    layers = []
    for source, _, tables in files:
        layers.append(_Layer(source, [], _without(tables, "profiles")))
        for profile in profiles:
            overlay = tables.get("profiles", {}).get(profile)
            if overlay is not None:
                layers.append(_Layer(source, ["profiles", profile], _without(overlay, "extends")))
    return layers


def _without(tables: Table, key: str) -> Table:
    return {name: value for name, value in tables.items() if name != key}


def _validate(layers: list[_Layer], schema: type[BaseModel] = Settings, *, need_all: bool = True) -> Table:
    """Merge the layers. Raises UserError for the first problem, naming the layer it came from."""
    merged: Table = {}
    for layer in layers:
        merged = _overlay(merged, layer.tables)
    try:
        schema.model_validate(merged)
    except ValidationError as error:
        for problem in error.errors():
            if need_all or problem["type"] != "missing":
                raise UserError(_blame(layers, problem, merged)) from None
    return merged


def _blame(layers: list[_Layer], problem: ErrorDetails, merged: Table) -> str:
    where, table, key = _locate(layers, keys_of(problem, merged) or [str(part) for part in problem["loc"]])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key {key!r}: {nearest(key, _accepted_keys(table))}"
    return f"{where}: key {key!r}: {accepted(problem)}"


def _titled(kind: str, name: str) -> str:
    return f"{kind.removesuffix('s')} {name!r}"


def _locate(layers: list[_Layer], path: list[str]) -> tuple[str, list[str], str]:
    """Find a path of keys: "file: [table]", the path of that table, and the rest of the path."""
    layer, depth = _deepest_layer(layers, path)
    table, key = path[: max(depth - 1, 0)], ".".join(path[max(depth - 1, 0) :])
    within = [*layer.prefix, *table]
    return (f"{layer.source}: {heading(*within)}" if within else layer.source), table, key


def _deepest_layer(layers: list[_Layer], path: list[str]) -> tuple[_Layer, int]:
    """Find the last layer that holds most of a path, and how many of its parts it holds."""
    best, best_depth = layers[0], 0
    for layer in layers:
        depth = sum(1 for _ in _descend(layer.tables, path))
        if depth and depth >= best_depth:
            best, best_depth = layer, depth
    if best_depth == 1 and path[0] in NAMED and len(path) > 1:  # no layer has the table: blame no profile
        files = (layer for layer in reversed(layers) if not layer.prefix and layer.source != COMMAND_LINE)
        return next(files), 1
    return best, best_depth


def _descend(tables: Any, path: list[str]) -> Iterator[Any]:
    for part in path:
        if not isinstance(tables, Mapping) or part not in tables:
            return
        tables = tables[part]
        yield tables


def _accepted_keys(table: list[str]) -> list[str]:
    schema: Any = Settings
    for name in table:
        schema = schema.model_fields[name].annotation
    return [*schema.model_fields, *([] if table else ["profiles"])]


def _overlay(below: Table, above: Mapping[str, Any]) -> Table:
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _overlay(merged[key], value)
        else:
            merged[key] = value
    return merged


def _read(path: Path) -> Table:
    try:
        tables = tomllib.loads(regular(path).read_text(encoding="utf-8-sig"))  # Windows' editors add a BOM
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    for key, value in _integers(tables):
        if not -LARGEST - 1 <= value <= LARGEST:
            raise UserError(f"{path}: key {key!r}: found {shown(value)}, accepted is a number of 64 bits")
    return tables


def _integers(value: Any, key: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _integers(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _integers(inner, key)
    elif type(value) is int:
        yield key, value
