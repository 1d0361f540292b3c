"""The numbers that papers print, as data: a CSV file per paper, and a TOML file with its citation beside it.

`cprl.csv` holds every number of Tables 1 to 6 of the paper that this package implements; the other papers
are on the leaderboard only. To add one, write `NAME.csv`, whose columns are the fields of `Row`, and
`NAME.toml` with those of `Citation`.
"""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from ...bench.core.errors import UserError
from ...bench.core.parameters import first_problem, read_table
from ...bench.core.text import listing

OF_MODELS = ("srocc", "plcc", "mse", "rise", "r")
"""What a row of a model may have a number of; `rise` and `r` are of images without labels."""

METRICS = (*OF_MODELS, "images", "types")  # what a row of a CSV file may have a number of

COLUMNS = ("table", "dataset", "model", "attack", "epsilon", "variant", "metric", "value", "source")
"""The columns of `load`."""

FOLDER = Path(__file__).parent  # folder of the package's own pairs of files
PAPER = "cprl"  # the source whose layout, Tables 1 to 6, the reports follow

Place = tuple[str, str, str, float, str, str]  # dataset, model, attack, epsilon, variant and metric

_Text = Annotated[str, Field(min_length=1)]


class Citation(BaseModel):
    """A paper as its TOML file describes it, with the papers of the models that it measures, by name."""

    model_config = ConfigDict(extra="forbid")

    title: _Text
    authors: Annotated[list[_Text], Field(min_length=1)]
    year: int
    url: str = ""
    doi: str = ""
    models: "dict[str, Citation]" = {}

    @property
    def short(self) -> str:
        """The paper in a phrase: `Wang and Yuan 2024`."""
        names = [author.split()[-1] for author in self.authors]
        return f"{listing(names) if len(names) < 3 else f'{names[0]} et al.'} {self.year}"


class Row(BaseModel):
    """A row of a paper's table: the metrics of a model under one condition, or the counts of a database.

    `table` is the number of the table, or the result file of the paper's repository that has the numbers.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    table: _Text
    dataset: _Text
    model: str = ""
    attack: _Text
    epsilon: Annotated[FiniteFloat, Field(ge=0)]
    variant: str = ""
    srocc: FiniteFloat | None = None
    plcc: FiniteFloat | None = None
    mse: FiniteFloat | None = None
    rise: FiniteFloat | None = None
    r: FiniteFloat | None = None
    images: FiniteFloat | None = None
    types: FiniteFloat | None = None

    @model_validator(mode="after")
    def _names_a_condition(self) -> "Row":
        if (self.attack == "none") != (self.epsilon == 0):
            raise ValueError("attack `none` with epsilon 0, or an attack with an epsilon above 0")
        known = {name for name in METRICS if getattr(self, name) is not None}
        if not known or not known <= ({*OF_MODELS} if self.model else {*METRICS} - {*OF_MODELS}):
            raise ValueError(
                f"any of {listing(OF_MODELS)} of a model, or images or types of a dataset without a model"
            )
        return self


def load(folder: Path = FOLDER) -> pd.DataFrame:
    """Return every published number in long form.

    `table` is the table's number as the paper prints it, a string; the other columns are those of a results
    table: registered names, `attack` `none` and `epsilon` 0 for clean images, `epsilon` in units of 1/255.
    `variant` says which of a table's rows of one model it is: `b=0.4` in Table 5, `CA` (channel activation,
    the mask alone) and `CA+PNS` in Table 6, else empty. `metric` is one of `METRICS`; Table 3, which has
    no model, has `images` and `types` (of distortion).

    Table 5 of `cprl` does not say what its "attack" is. It is held as FGSM at 1/255: Table 6 ablates the same
    model on the same dataset, LIVE, under "FGSM-1", and its row CA (SROCC 0.8743 clean, 0.8623 attacked) is
    the b = 0.4 of Table 5 (0.8560, 0.8432) but for 0.02.

    The columns are `COLUMNS`; `source` is the name of the file without its suffix.

    Raises:
        UserError: a missing citation or file, an unknown column or key, or a value that is no number.
    """
    numbers = [
        (*row.model_dump(include={*COLUMNS}).values(), metric, value, source)
        for source in citations(folder)
        for row in printed_rows(source, folder)
        for metric in METRICS
        if (value := getattr(row, metric)) is not None
    ]
    return pd.DataFrame(numbers, columns=list(COLUMNS))


def printed_rows(source: str, folder: Path = FOLDER) -> list[Row]:
    """Read the rows of a paper's CSV file, as it prints them."""
    path = folder / f"{source}.csv"
    rows: dict[tuple[Any, ...], tuple[int, Row]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="without a column", restval="")
            for values in reader:
                line, row = reader.line_num, _row(f"{path}, line {reader.line_num}", values)
                place = (row.table, row.dataset, row.model, row.attack, row.epsilon, row.variant)
                if place in rows:
                    raise UserError(f"{path}, line {line}: repeats line {rows[place][0]}; keep one of them")
                rows[place] = line, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8: {error}") from None
    return [row for _, row in rows.values()]


def citations(folder: Path = FOLDER) -> dict[str, Citation]:
    """Read the paper behind each `source` of `load`.

    Raises:
        UserError: a CSV file without citation, a citation without CSV file, or one that is not complete.
    """
    tables = {path.stem for path in folder.glob("*.csv")}
    cited = {path.stem for path in folder.glob("*.toml")}
    if not tables | cited:
        raise UserError(f"{folder}: no published numbers here; it takes pairs of .csv and .toml files")
    for name in sorted(tables ^ cited):
        there, missing = (".csv", ".toml") if name in tables else (".toml", ".csv")
        schema = Citation if missing == ".toml" else Row
        raise UserError(
            f"{folder / name}{there}: write {name}{missing} beside it, with {listing([*schema.model_fields])}"
        )
    return {name: read_table(folder / f"{name}.toml", Citation) for name in sorted(tables)}


@cache
def paper_numbers() -> dict[Place, float]:
    """Return the numbers of `PAPER` by place; the tables of one paper do not repeat a place."""
    table = load()
    mine = table[table["source"] == PAPER]
    places = mine[["dataset", "model", "attack", "epsilon", "variant", "metric"]].itertuples(index=False)
    return dict(zip(map(tuple, places), mine["value"], strict=True))


@cache
def paper_models() -> tuple[str, ...]:
    """Return the models of `PAPER`, in the order of its tables."""
    return tuple(dict.fromkeys(model for _, model, *_ in paper_numbers() if model))


@cache
def paper_datasets() -> tuple[str, ...]:
    """Return the datasets of `PAPER`, in the order of its tables."""
    return tuple(dict.fromkeys(dataset for dataset, *_ in paper_numbers()))


def _row(where: str, values: Mapping[str, Any]) -> Row:
    try:
        return Row.model_validate({name: value for name, value in values.items() if value != ""})
    except ValidationError as error:
        raise UserError(f"{where}: {first_problem(error, Row.model_fields)}") from None
