"""docs/compare.md: its comparisons run as written."""

from pathlib import Path

from iqabench.bench.store.store import Store

from .fabricated import drawn_auto, drawn_cell
from .pages import commands, page_of


def test_every_comparison_of_the_page_runs(iqabench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for store in ("results", "results-before"):
        for model in ("resnet", "cprl"):
            weights = f"{model} {store}"
            drawn_cell(Store(Path(store)), model=model, weights=weights)
            drawn_auto(Store(Path(store)), model, 1.0, weights=weights)
    comparisons = commands(page_of("compare.md"), "compare")
    assert len(comparisons) == 3
    for arguments in comparisons:
        done = iqabench(*arguments, exits=0)
        assert "worst" in done.output
