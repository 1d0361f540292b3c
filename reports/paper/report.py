"""Puts a report together from a store and writes it in the format asked for."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...bench.store.results import Results
from ..explain.explanation import Explanations, ShownExplanation, explanations
from .ablation import Ablation, ablations
from .curves import Panel, figure6
from .databases import Databases, databases
from .provenance import Provenance, provenance
from .selection import select
from .summary import Finding, findings, overview
from .tables import Table, paper_tables

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
        results: The frame of the results, a row for every cell of the store.
    """

    overview: tuple[str, ...]
    findings: tuple[Finding, ...]
    panels: tuple[Panel, ...]
    explanations: tuple[ShownExplanation, ...]
    tables: tuple[AnyTable, ...]
    notes: tuple[str, ...]
    provenance: Provenance
    results: pd.DataFrame


def compose(results: Results, root: Path | None = None) -> Report:
    """Return the report on a store.

    Args:
        results: From `read_results`.
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
        results.frame,
    )
