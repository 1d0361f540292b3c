"""Renders a report as CSV: a row per number, for pandas and spreadsheets.

`tables.csv` holds Tables 1 to 6 and those of further attacks, `cells.csv` every cell of the store,
`figure6.csv` the curves, `figure1.csv`, `figure4.csv` and `figure5.csv` the explanations. A text that begins
as a spreadsheet's formula would (with =, +, - or @, or with a tab), or with an apostrophe, has an apostrophe
before it, and a return in it is a line feed; numbers are in full precision.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ...bench.core.files import write_text
from ...bench.store.metrics import OK
from ..catalogue import catalogue
from ..explain.explanation import ShownExplanation
from ..explain.tables import NUMBERS
from ..paper.ablation import PAPER_DATASET, Ablation
from ..paper.ablation_cells import CONDITIONS
from ..paper.databases import METRICS as COUNTS
from ..paper.databases import Databases
from ..paper.report import Report
from ..paper.tables import EPSILON, TABLE_METRICS, Entry, Table

COLUMNS = (
    "table",
    "dataset",
    "model",
    "attack",
    "epsilon",
    "variant",
    "setting",
    "metric",
    "measured",
    "low",
    "high",
    "published",
    "published_on",
    "difference",
    "seeds",
    "stand_in",
    "status",
)
"""Of `tables.csv`; those that `published.load()` has too mean the same.

`setting` tells apart blocks of rows in Tables 5 and 6; `low` and `high` bound a 95% interval; `published_on`
is the dataset of the published number, and `difference`, measured less published, is there if that is
the row's own; `status` is `ok`, `not run`, or why there is no number.
"""

FORMULA = ("=", "+", "-", "@", "\t", "'")
"""What a text may not begin with; the apostrophe so that taking one off gives back every text."""

_ATTACKS = {"1": "fgsm", "2": "pgd", "4": "none"}  # of the paper's tables of models
_NOT_RUN = "not run"


def write_csv(report: Report, out: Path) -> Path:
    """Write `tables.csv` and the files beside it into a folder."""
    _write(report.results, out / "cells.csv")
    _write(curves_table(report), out / "figure6.csv")
    for number in sorted({figure.number for found in report.explanations for figure in found.figures}):
        _write(_explained(report.explanations, number), out / f"figure{number}.csv", NUMBERS)
    path = out / "tables.csv"
    _write(tidy_tables(report), path)
    return path


def _write(table: pd.DataFrame, path: Path, float_format: str | None = None) -> None:
    write_text(path, neutral(table).to_csv(index=False, lineterminator="\n", float_format=float_format))


def neutral(table: pd.DataFrame) -> pd.DataFrame:
    """A table of whose texts no spreadsheet makes a formula; numbers stay as they are."""
    safe = table.copy(deep=False)
    for name in table.columns[[not is_numeric_dtype(kind) for kind in table.dtypes]]:
        safe[name] = table[name].map(_neutral)
    return safe


def tidy_tables(report: Report) -> pd.DataFrame:
    """All tables of a report in one, a row per number, with `COLUMNS`."""
    rows: list[dict[str, Any]] = []
    for table in report.tables:
        if isinstance(table, Databases):
            rows += _of_databases(table)
        elif isinstance(table, Ablation):
            rows += _of_ablation(table)
        else:
            rows += _of_models(table, report.results)
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.astype({"seeds": "Int64", "stand_in": bool})


def curves_table(report: Report) -> pd.DataFrame:
    """Figure 6: SROCC and its bounds, a row per dataset, attack, model and epsilon (in units of 1/255)."""
    return pd.DataFrame(
        [
            (panel.dataset, panel.attack, curve.model, *values)
            for panel in report.panels
            for curve in panel.curves
            for values in zip(curve.epsilons, curve.values, curve.lows, curve.highs, strict=True)
        ],
        columns=["dataset", "attack", "model", "epsilon", "srocc", "srocc_low", "srocc_high"],
    )


def _of_models(table: Table, results: pd.DataFrame) -> Iterator[dict[str, Any]]:
    attack = _ATTACKS.get(table.number) or _attack_of(table, results)
    place = {"table": table.number, "attack": attack, "epsilon": 0.0 if attack == "none" else EPSILON}
    for row in table.rows:
        for group, entry in zip(table.groups, row.entries, strict=True):
            mine = {"dataset": group.dataset, "model": row.model, "stand_in": group.stand_in}
            yield from _numbers(entry, place | mine, group.dataset, comparable=True)


def _attack_of(table: Table, results: pd.DataFrame) -> str:
    keys = [key for row in table.rows for entry in row.entries for key in entry.cells]
    return str(results.loc[results["key"].isin(keys), "attack"].iloc[0])


def _of_ablation(table: Ablation) -> Iterator[dict[str, Any]]:
    registered = {found.label: name for name, found in catalogue().datasets.items()}
    for block in table.blocks:
        place = {
            "table": table.number,
            "dataset": registered.get(block.dataset, block.dataset),
            "setting": block.title,
            "stand_in": block.stand_in,
        }
        for row in block.rows:
            for (attack, epsilon), entry in zip(CONDITIONS, row.entries, strict=True):
                mine = {"attack": attack, "epsilon": epsilon, **_model(table, row.name)}
                yield from _numbers(entry, place | mine, PAPER_DATASET, comparable=block.comparable)


def _model(table: Ablation, row: str) -> dict[str, str]:
    """Model and variant of a row, as `published.load()` names them."""
    if table.number == "5":
        return {"model": "cprl", "variant": f"b={row}"}
    return {"model": "cprl", "variant": row} if row.startswith("CA") else {"model": "resnet", "variant": ""}


def _numbers(
    entry: Entry, place: dict[str, Any], published_on: str, *, comparable: bool
) -> Iterator[dict[str, Any]]:
    for index, metric in enumerate(TABLE_METRICS):
        row = {"variant": "", "setting": "", **place, "metric": metric}
        row |= {"seeds": entry.seeds, "status": entry.status if entry.state != _NOT_RUN else _NOT_RUN}
        if entry.numbers:
            measure = entry.numbers[index].measure
            row |= {"measured": measure.value, "low": measure.low, "high": measure.high}
        if entry.published:
            row |= {"published": entry.published[index], "published_on": published_on}
            if comparable and entry.numbers:
                row["difference"] = row["measured"] - row["published"]
        yield row


def _of_databases(table: Databases) -> Iterator[dict[str, Any]]:
    for database in table.rows:
        for metric, count in zip(COUNTS, (database.images, database.types), strict=True):
            row: dict[str, Any] = {
                "table": table.number, "dataset": database.dataset, "model": "", "attack": "none",
                "epsilon": 0.0, "variant": "", "setting": "", "metric": metric, "seeds": 0,
                "measured": count.measured, "stand_in": database.stand_in,
                "status": "not known" if count.measured is None else OK,
            }  # fmt: skip
            if count.published is not None:
                row |= {"published": count.published, "published_on": database.dataset}
                if count.measured is not None:
                    row["difference"] = count.measured - count.published
            yield row


def _explained(explanations: Sequence[ShownExplanation], number: str) -> pd.DataFrame:
    """The numbers behind one figure of all explanations; `explained` is the model that is explained."""
    tables = []
    for found in explanations:
        for figure in found.figures:
            if figure.number == number:
                named = {"explained": found.model, "dataset": found.dataset}
                others = figure.table.drop(columns="dataset", errors="ignore")
                tables.append(pd.concat([pd.DataFrame(named, index=others.index), others], axis=1))
    return pd.concat(tables, ignore_index=True)


def _neutral(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\r", "\n")  # which the writer does not quote, and a reader ends the row at
    return f"'{text}" if text.startswith(FORMULA) else text
