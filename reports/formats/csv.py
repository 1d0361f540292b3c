"""Renders a report as CSV: a row per number, for pandas and spreadsheets.

`tables.csv` holds Tables 1 to 6 and those of further attacks, `cells.csv` every cell of the store,
`figure6.csv` the curves, `visibility.csv` those over PSNR and SSIM, `figure1.csv`, `figure4.csv` and
`figure5.csv` the explanations. A text that begins as a spreadsheet's formula would (with =, +, - or @, or
with a tab), or with an apostrophe, has an apostrophe before it, and a return in it is a line feed; numbers
are in full precision.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ...bench.core.files import write_text
from ...bench.statistics.metrics import Measure
from ...bench.statistics.visibility import KINDS
from ..explain.explanation import ShownExplanation
from ..explain.tables import NUMBERS
from ..paper.report import Report
from ..paper.visibility import WIDTH

COLUMNS = (
    "table", "dataset", "model", "attack", "epsilon", "variant", "setting", "metric",
    "measured", "low", "high", "published", "published_on", "difference",
    "seeds", "stand_in", "status", "audit",
)  # fmt: skip
"""The columns of `tables.csv`; those that `published.load()` has too mean the same.

`setting` tells apart blocks of rows in Tables 5 and 6; `low` and `high` bound a 95% interval; `published_on`
is the dataset of the published number, and `difference`, measured less published, is there if that is
the row's own; `status` is `ok`, `not run`, or why there is no number; `audit` is `sound` or `doubtful`, or
empty for what was not audited.
"""

FORMULA = ("=", "+", "-", "@", "\t", "'")
"""A text that begins so gets an apostrophe; one with an apostrophe too, so that each can be had back."""


def write_csv(report: Report, out: Path) -> Path:
    """Write `tables.csv` and the files beside it into a folder."""
    _write(report.results, out / "cells.csv")
    _write(curves_table(report), out / "figure6.csv")
    if report.visibility:
        _write(visibility_table(report), out / "visibility.csv")
    for number in sorted({figure.number for found in report.explanations for figure in found.figures}):
        _write(_explained(report.explanations, number), out / f"figure{number}.csv", NUMBERS)
    path = out / "tables.csv"
    _write(tidy_tables(report), path)
    return path


def _write(table: pd.DataFrame, path: Path, float_format: str | None = None) -> None:
    write_text(path, neutral(table).to_csv(index=False, lineterminator="\n", float_format=float_format))


def neutral(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with texts that no spreadsheet takes for a formula; numbers stay as they are."""
    safe = table.copy(deep=False)
    for name in table.columns[[not is_numeric_dtype(kind) for kind in table.dtypes]]:
        safe[name] = table[name].map(_neutral)
    return safe


def tidy_tables(report: Report) -> pd.DataFrame:
    """Return all tables of a report in one, a row per number, with `COLUMNS`."""
    rows = [
        {"table": table.number, **record}
        for table in report.tables
        for row in table.rows
        for cell in row.all_cells
        for record in cell.records
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seeds": "Int64", "stand_in": bool})


def curves_table(report: Report) -> pd.DataFrame:
    """Return Figure 6: a row per dataset, attack, model and epsilon (in units of 1/255).

    `worst_case` says whether SROCC under the attack is that of the worst case.
    """
    return pd.DataFrame(
        [
            (panel.dataset, panel.attack, panel.worst_case, curve.of, point.epsilon, *_bounds(point.srocc))
            for panel in report.panels
            for curve in panel.curves
            for point in curve.points
        ],
        columns=["dataset", "attack", "worst_case", "model", "epsilon", "srocc", "srocc_low", "srocc_high"],
    )


def visibility_table(report: Report) -> pd.DataFrame:
    """Return the curves over visibility: a row per dataset, model, attack and epsilon (in units of 1/255)."""
    return pd.DataFrame(
        [
            (
                *(panel.dataset, panel.model, curve.of, point.epsilon),
                *(point.visibility[kind] for kind in KINDS),
                *_bounds(point.srocc),
                *_bounds(point.measures[WIDTH]),
            )
            for panel in report.visibility
            for curve in panel.curves
            for point in curve.points
        ],
        columns=[
            *("dataset", "model", "attack", "epsilon", *KINDS),
            *("srocc", "srocc_low", "srocc_high"),
            *("median_width", "median_width_low", "median_width_high"),
        ],
    )


def _bounds(measure: Measure) -> tuple[float, float, float]:
    return measure.value, measure.low, measure.high


def _explained(explanations: Sequence[ShownExplanation], number: str) -> pd.DataFrame:
    """Return the numbers behind one figure of all explanations; `explained` is the model."""
    tables = []
    for found in explanations:
        for figure in found.figures:
            if figure.number == number:
                table = figure.table.drop(columns="dataset", errors="ignore")
                table.insert(0, "explained", found.model)
                table.insert(1, "dataset", found.dataset)
                tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _neutral(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\r", "\n")  # which the writer does not quote, and a reader ends the row at
    return f"'{text}" if text.startswith(FORMULA) else text
