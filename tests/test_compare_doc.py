"""docs/compare.md: its comparisons run as written."""

import re
import shlex
from pathlib import Path

from iqabench.bench.store.store import Store

from .fabricated import drawn_auto, drawn_cell

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "compare.md").read_text()


def test_every_comparison_of_the_page_runs(iqabench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for store in ("results", "results-before"):
        for model in ("resnet", "cprl"):
            weights = f"{model} {store}"
            drawn_cell(Store(Path(store)), model=model, weights=weights)
            drawn_auto(Store(Path(store)), model, 1.0, weights=weights)
    commands = re.findall(r"^iqabench (compare .*)$", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        done = iqabench(*shlex.split(command))
        assert done.exit_code == 0, done.output
        assert "worst" in done.output
