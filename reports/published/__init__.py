"""The numbers that papers print, as data: a CSV file per paper, and a TOML file with its citation beside it.

`cprl.csv` holds every number of Tables 1 to 6 of the paper that this package implements. To add another
paper, write `NAME.csv` with the columns `COLUMNS` and `NAME.toml` with the fields of `Citation`.
"""

import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from ...bench.core.errors import UserError, nearest
from ...bench.core.parameters import accepted

COLUMNS = ("table", "dataset", "model", "attack", "epsilon", "variant", "metric", "value")
"""The columns of a CSV file, in this order; `load` adds `source`, the name of the file."""

FOLDER = Path(__file__).parent
"""Folder of the package's own pairs of files."""

PAPER = "cprl"
"""The source whose layout, Tables 1 to 6, the reports follow."""

Place = tuple[str, str, str, float, str, str]
"""Dataset, model, attack, epsilon, variant and metric."""

_Text = Annotated[str, Field(min_length=1)]


class Citation(BaseModel):
    """What a TOML file says of its paper."""

    model_config = ConfigDict(extra="forbid")

    title: _Text
    authors: Annotated[list[_Text], Field(min_length=1)]
    year: int
    url: str = ""
    doi: str = ""


class _Row(BaseModel):
    table: _Text
    dataset: _Text
    model: str
    attack: _Text
    epsilon: Annotated[FiniteFloat, Field(ge=0)]
    variant: str
    metric: Literal["srocc", "plcc", "mse", "images", "types"]
    value: FiniteFloat

    @model_validator(mode="after")
    def _names_a_condition(self) -> "_Row":
        if (self.attack == "none") != (self.epsilon == 0):
            raise ValueError("attack `none` with epsilon 0, or an attack with an epsilon above 0")
        if (self.model == "") != (self.metric in ("images", "types")):
            raise ValueError("a model for srocc, plcc and mse, and none for images and types")
        return self

    @property
    def place(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in COLUMNS[:-1])


def load(folder: Path = FOLDER) -> pd.DataFrame:
    """Every published number in long form.

    `table` is the table's number as the paper prints it, a string; the other columns are those of a results
    table: registered names, `attack` `none` and `epsilon` 0 for clean images, `epsilon` in units of 1/255.
    `variant` says which of a table's rows of one model it is: `b=0.4` in Table 5, `CA` (channel activation,
    the mask alone) and `CA+PNS` in Table 6, else empty. `metric` is `srocc`, `plcc` or `mse`, or in Table 3,
    which has no model, `images` or `types` (of distortion).

    Table 5 of `cprl` does not say what its "attack" is. It is held as FGSM at 1/255: Table 6 ablates the same
    model on the same dataset, LIVE, under "FGSM-1", and its row CA (SROCC 0.8743 clean, 0.8623 attacked) is
    the b = 0.4 of Table 5 (0.8560, 0.8432) but for 0.02.

    Args:
        folder: Of pairs of CSV and TOML files; default: those of the package.

    Returns:
        The columns `COLUMNS`, then `source`: the name of the file without its suffix.

    Raises:
        UserError: a missing citation or file, an unknown column, metric or key, or a value that is no number.
    """
    paths = sorted(folder.glob("*.csv"))
    citations(folder)
    rows = [row.model_dump() | {"source": path.stem} for path in paths for row in _rows(path)]
    return pd.DataFrame(rows, columns=[*COLUMNS, "source"])


def citations(folder: Path = FOLDER) -> dict[str, Citation]:
    """The paper behind each `source` of `load`.

    Raises:
        UserError: a CSV file without citation, a citation without CSV file, or one that is not complete.
    """
    tables = {path.stem for path in folder.glob("*.csv")}
    cited = {path.stem for path in folder.glob("*.toml")}
    if not tables | cited:
        raise UserError(f"{folder}: no published numbers here; it takes pairs of .csv and .toml files")
    for name in sorted(tables - cited):
        raise UserError(
            f"{folder / name}.csv: its citation is missing: write {name}.toml beside it, with title, authors "
            "and year"
        )
    for name in sorted(cited - tables):
        raise UserError(
            f"{folder / name}.toml: its numbers are missing: write {name}.csv beside it, with the columns "
            f"{', '.join(COLUMNS)}"
        )
    return {name: _citation(folder / f"{name}.toml") for name in sorted(tables)}


@cache
def paper_numbers() -> Mapping[Place, float]:
    """The numbers of `PAPER` by place; the tables of one paper do not repeat a place."""
    table = load()
    mine = table[table["source"] == PAPER]
    places = mine[["dataset", "model", "attack", "epsilon", "variant", "metric"]].itertuples(index=False)
    return dict(zip(map(tuple, places), mine["value"], strict=True))


@cache
def paper_models() -> tuple[str, ...]:
    """The models of `PAPER`, in the order of its tables."""
    return tuple(dict.fromkeys(model for _, model, *_ in paper_numbers() if model))


@cache
def paper_datasets() -> tuple[str, ...]:
    """The datasets of `PAPER`, in the order of its tables."""
    return tuple(dict.fromkeys(dataset for dataset, *_ in paper_numbers()))


def _citation(path: Path) -> Citation:
    try:
        return Citation.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file in UTF-8: {error}") from None
    except ValidationError as error:
        raise UserError(f"{path}: {_problem(error, Citation)}") from None


def _rows(path: Path) -> Iterator[_Row]:
    lines: dict[tuple[Any, ...], int] = {}
    for line, values in _records(path):
        try:
            row = _Row.model_validate(values)
        except ValidationError as error:
            raise UserError(f"{path}, line {line}: {_problem(error, _Row)}") from None
        if row.place in lines:
            raise UserError(f"{path}, line {line}: names the same place as line {lines[row.place]}; keep one")
        lines[row.place] = line
        yield row


def _records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a CSV file by column, each with its number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            _check_header(path, next(reader, []))
            for values in filter(None, reader):
                if len(values) != len(COLUMNS):
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(values)} values, expected {len(COLUMNS)}: "
                        f"{','.join(COLUMNS)}"
                    )
                yield reader.line_num, dict(zip(COLUMNS, map(str.strip, values), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8: {error}") from None


def _check_header(path: Path, header: Sequence[str]) -> None:
    for name in header:
        if name not in COLUMNS:
            raise UserError(f"{path}, line 1: unknown column {name!r}: {nearest(name, COLUMNS)}")
    if tuple(header) != COLUMNS:
        raise UserError(f"{path}, line 1: the columns must be {','.join(COLUMNS)}, in this order")


def _problem(error: ValidationError, schema: type[BaseModel]) -> str:
    problem = error.errors()[0]
    if not problem["loc"]:
        return f"accepted is {problem['msg'].removeprefix('Value error, ')}"
    key = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}: {nearest(key, schema.model_fields)}"
    return f"key {key!r}: {accepted(problem)}"
