"""Puts a report together from the results of a store."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ...bench.store.results import Results
from ..catalogue import in_order
from ..explain.explanation import Explanations, ShownExplanation, explanations
from .figure6 import Panel, caption, figure6
from .provenance import Provenance, provenance
from .selection import select
from .summary import Finding, findings, overview
from .table import Table
from .tables import build_tables
from .tables.unlabelled import variants_without_labels
from .tradeoff import Tradeoff, tradeoffs
from .visibility import VisibilityPanel, visibility_panels


@dataclass(frozen=True)
class Report:
    """All that a report says, without any markup."""

    overview: tuple[str, ...]  # what was run, in sentences
    findings: tuple[Finding, ...]  # what the numbers say, by dataset
    panels: tuple[Panel, ...]  # Figure 6
    caption: str  # of Figure 6: how to read it, and which of its panels to believe
    visibility: tuple[VisibilityPanel, ...]  # SROCC and widths of intervals over PSNR and SSIM
    tradeoffs: tuple[Tradeoff, ...]  # clean SROCC against worst-case SROCC, by dataset
    explanations: tuple[ShownExplanation, ...]  # Figures 1, 4 and 5, for each explanation in the store
    tables: tuple[Table, ...]  # those of the paper, and others before and after them
    notes: tuple[str, ...]  # what is not shown, not comparable or not defined
    provenance: Provenance  # where the numbers come from
    results: pd.DataFrame  # the frame of the results, a row for every cell of the store


def compose(results: Results, root: Path | None = None) -> Report:
    """Return the report on a store; explanations and saved splits are read in its folder, if it is given."""
    results = replace(results, frame=in_order(results.frame))
    selection = select(results, root)
    tables = build_tables(selection)
    explained = explanations(root, results) if root else Explanations((), ())
    keys = {key for table in tables for row in table.rows for cell in row.all_cells for key in cell.keys}
    panels = figure6(selection.points)
    frame = results.frame
    if not results.static.empty:
        frame = in_order(pd.concat([frame, results.static], ignore_index=True))
    unlabelled = (*selection.unlabelled, *variants_without_labels(results.frame).values())
    shown = (*selection.points, *unlabelled)
    behind = frame["key"].isin(keys | {key for point in shown for key in point.cells})
    return Report(
        overview(selection.points, unlabelled),
        findings(selection.points),
        panels,
        caption(panels),
        visibility_panels((*selection.points, *selection.unlabelled)),
        tradeoffs(results.frame),
        explained.shown,
        tables,
        (*selection.notes, *(note for table in tables for note in table.notes), *explained.notes),
        provenance(frame[behind]),
        frame,
    )
