"""Puts a report together from a store and writes it in the format asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd

from ..bench.errors import UserError, nearest
from ..bench.results import results_table
from ..bench.store import Store
from .ablation import Ablation, ablations
from .curves import Panel, figure6
from .databases import Databases, databases
from .explanation_record import Explanations, ShownExplanation, explanations
from .figures import write_figure6
from .provenance import Provenance, provenance
from .selection import select
from .summary import Finding, findings, overview
from .tables import Table, paper_tables

_WRITERS = {
    "html": ("html", "write_html"),
    "latex": ("latex", "write_latex"),
    "markdown": ("markdown", "write_markdown"),
    "csv": ("csv_tables", "write_csv"),
}
FORMATS = tuple(_WRITERS)

AnyTable = Table | Databases | Ablation


@dataclass(frozen=True)
class Report:
    """All that a report says, without any markup.

    Attributes:
        overview: What was run, in sentences.
        findings: What the numbers say, by dataset.
        panels: Figure 6.
        explanations: Figures 1, 4 and 5, for each explanation in the store.
        tables: Tables 1 to 6, and those of further attacks.
        notes: What is not shown, not comparable or not defined.
        provenance: Where the numbers come from.
        results: The results table, a row for every cell of the store.
    """

    overview: tuple[str, ...]
    findings: tuple[Finding, ...]
    panels: tuple[Panel, ...]
    explanations: tuple[ShownExplanation, ...]
    tables: tuple[AnyTable, ...]
    notes: tuple[str, ...]
    provenance: Provenance
    results: pd.DataFrame


def compose(results: pd.DataFrame, root: Path | None = None) -> Report:
    """A report on a results table.

    Args:
        results: From `results_table`.
        root: The store's folder, where explanations and saved splits are; without it there are none.
    """
    selection, ablated = select(results), ablations(results)
    of_models = paper_tables(selection)
    of_paper = [table for table in of_models if table.number.isdecimal()]
    further = [table for table in of_models if not table.number.isdecimal()]
    third = databases(results, root)
    numbered: list[AnyTable] = sorted((*of_paper, third, *ablated.tables), key=lambda table: table.number)
    explained = explanations(root, results) if root else Explanations((), ())
    behind = pd.concat([selection.cells, ablated.cells]).drop_duplicates("key")
    return Report(
        overview(selection.points),
        findings(selection.points),
        figure6(selection.points),
        explained.shown,
        (*numbered, *further),
        (*selection.notes, *ablated.notes, *explained.notes),
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
        form: `html` (one file, `report.html`), `latex` (`report.tex`, with a file per table and figure to
            \\input, and the figures as PDF), `markdown` (`report.md`, with the figures as SVG) or `csv`
            (`tables.csv`, with `cells.csv` and the numbers behind the figures).
        out: Folder to write into; made if missing.

    Returns:
        The file to open or to compile.

    Raises:
        UserError: unknown format, a store without results, or a folder that cannot be written.
    """
    if form not in FORMATS:
        raise UserError(f"unknown report format {form!r}: {nearest(form, FORMATS)}")
    root = store.root if isinstance(store, Store) else Path(store)
    report = compose(results_table(store), root)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _writer(form)(report, out)
    except OSError as error:
        raise UserError(f"--out {out}: the report cannot be written: {error}") from error


def _writer(form: str) -> Callable[[Report, Path], Path]:
    module, function = _WRITERS[form]
    writer: Callable[[Report, Path], Path] = getattr(import_module(f".{module}", __package__), function)
    return writer
