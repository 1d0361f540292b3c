"""Renders a report as one HTML file that needs nothing else: no network, no script, no font."""

from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..bench.files import write_text
from ..bench.metrics import METRICS, OK
from .figures import inline_svg
from .names import METRICS as METRIC_NAMES
from .names import attack_name, dataset_name, interval, model_name, number
from .palette import themed
from .report import Report
from .tables import TABLE_METRICS


def write_html(report: Report, out: Path) -> Path:
    """Write `report.html` into a folder."""
    path = out / "report.html"
    write_text(path, render_html(report))
    return path


def render_html(report: Report) -> str:
    """A report as the text of an HTML file."""
    figures = [
        [(panel, Markup(inline_svg(panel, report.panels))) for panel in panels]
        for _, panels in groupby(report.panels, key=lambda panel: panel.dataset)
    ]
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        figures=figures,
        metrics=[METRIC_NAMES[name] for name in TABLE_METRICS],
        cell_columns=[METRIC_NAMES[name] for name in METRICS],
        cells=[_cell(row) for row in report.results.to_dict("records")],
        light={variable: light for light, (variable, _) in themed().items()},
        dark=dict(themed().values()),
    )


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _cell(row: dict[Any, Any]) -> dict[str, Any]:
    """One row of the table of all cells, as it reads."""
    return {
        "dataset": dataset_name(row["dataset"]),
        "stand_in": row["stand_in"],
        "model": model_name(row["model"]),
        "variant": row["variant"],
        "regime": row["regime"],
        "seed": row["seed"],
        "attack": attack_name(row["attack"]),
        "epsilon": f"{row['epsilon']:g}",
        "n": row["n"],
        "numbers": [
            (number(row[name]), interval(row[f"{name}_low"], row[f"{name}_high"], 3)) for name in METRICS
        ],
        "status": "" if row["status"] == OK else row["status"],
        "limit": "" if pd.isna(row["limit"]) else row["limit"],
        "weights": row["weights"],
        "key": row["key"],
        "file": row["file"],
    }
