"""Puts a report together from a store and writes it in the format asked for."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..bench.errors import UserError, nearest
from ..bench.results import results_table
from ..bench.store import Store
from .ablation import Ablation, ablations
from .curves import Panel, figure6
from .figures import write_figure6
from .provenance import Provenance, provenance
from .selection import select
from .summary import Finding, findings, overview
from .tables import Table, paper_tables

FORMATS = ("html", "latex")


@dataclass(frozen=True)
class Report:
    """All that a report says, without any markup.

    Attributes:
        overview: What was run, in sentences.
        findings: What the numbers say, by dataset.
        panels: Figure 6.
        tables: Tables 1, 2, 4, 5 and 6, and those of further attacks.
        notes: What is not shown, not comparable or not defined.
        provenance: Where the numbers come from.
        results: The results table, a row for every cell of the store.
    """

    overview: tuple[str, ...]
    findings: tuple[Finding, ...]
    panels: tuple[Panel, ...]
    tables: tuple[Table | Ablation, ...]
    notes: tuple[str, ...]
    provenance: Provenance
    results: pd.DataFrame


def compose(results: pd.DataFrame) -> Report:
    """A report on a results table."""
    selection, ablated = select(results), ablations(results)
    of_models = paper_tables(selection)
    of_paper = [table for table in of_models if table.number.isdecimal()]
    further = [table for table in of_models if not table.number.isdecimal()]
    behind = pd.concat([selection.cells, ablated.cells]).drop_duplicates("key")
    return Report(
        overview(selection.points),
        findings(selection.points),
        figure6(selection.points),
        (*of_paper, *ablated.tables, *further),
        (*selection.notes, *ablated.notes),
        provenance(behind),
        results,
    )


def write_figure(store: Store | Path, path: Path) -> Path:
    """Write Figure 6 of a store as a PNG, SVG or PDF file, by the path's suffix.

    Raises:
        UserError: another suffix, or a store without results of an attack.
    """
    return write_figure6(compose(results_table(store)).panels, path)


def write_report(store: Store | Path, form: str, out: Path) -> Path:
    """Write a report on a store; the same store gives the same bytes.

    Args:
        store: A store, or its folder.
        form: `html` (one file, `report.html`) or `latex` (`report.tex`, with a file per table to \\input and
            the figure as PDF).
        out: Folder to write into; made if missing.

    Returns:
        The file to open or to compile.

    Raises:
        UserError: unknown format, a store without results, or a folder that cannot be written.
    """
    if form not in FORMATS:
        raise UserError(f"unknown report format {form!r}: {nearest(form, FORMATS)}")
    report = compose(results_table(store))
    try:
        out.mkdir(parents=True, exist_ok=True)
        if form == "html":
            from .html import write_html

            return write_html(report, out)
        from .latex import write_latex

        return write_latex(report, out)
    except OSError as error:
        raise UserError(f"--out {out}: the report cannot be written: {error}") from error
