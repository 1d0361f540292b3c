"""The entries that the package brings: the models that published papers measure, as these report them."""

from collections.abc import Iterator

from ...catalogue import model_name, ordered
from ...published import Citation, citations, printed_rows
from .entry import Entry, Paper, Reported


def printed_entries() -> Iterator[Entry]:
    """Yield an entry for each model of each paper in `reports/published/`, trained without attacks."""
    for source, paper in citations().items():
        for model in sorted(paper.models):
            yield Entry(
                name=model_name(model),
                model=model,
                authors=paper.models[model].authors,
                training="clean",
                paper=Paper(
                    **paper.models[model].model_dump(include={*Paper.model_fields}, exclude_defaults=True)
                ),
                reported=_reported(source, paper, model),
            )


def _reported(source: str, paper: Citation, model: str) -> list[Reported]:
    """Return a paper's numbers of a model, but for those of its variants, by attack."""
    rows = [row for row in printed_rows(source) if row.model == model and not row.variant]
    attacks = ordered("attack", (row.attack for row in rows))
    return [
        Reported(**row.model_dump(include={*Reported.model_fields}), source=_source(paper, row.table))
        for row in sorted(rows, key=lambda row: attacks.index(row.attack))
    ]


def _source(paper: Citation, table: str) -> str:
    where = f"Table {table}" if table.isdigit() else table
    return f"{paper.short}, {where}"
