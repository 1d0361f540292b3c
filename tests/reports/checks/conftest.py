"""Helpers of the tests of checks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iqabench.bench.store.results_text import render_results
from iqabench.reports.checks.check import Check
from iqabench.reports.checks.comparison import Comparison
from iqabench.reports.published import paper_numbers

from ...fabricated import results

TOLERANCES = {"srocc": 0.05, "plcc": 0.05, "mse": 0.01}


FGSM = {"attack": "fgsm", "epsilon": 1.0}


@pytest.fixture
def pinned(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as a baseline."""

    def write_rows(*rows: dict[str, Any]) -> Path:
        path = tmp_path / "baseline.json"
        path.write_text(render_results(results(*rows), "json"))
        return path

    return write_rows


def paper(
    dataset: str, model: str, attack: str = "none", epsilon: float = 0.0, variant: str = "", **moved: Any
) -> dict[str, Any]:
    """A row with the paper's numbers, moved by what is stated."""
    numbers = {
        metric: paper_numbers()[dataset, model, attack, epsilon, variant, metric] + moved.pop(metric, 0.0)
        for metric in TOLERANCES
    }
    return {"dataset": dataset, "model": model, "attack": attack, "epsilon": epsilon, **numbers, **moved}


def cprl(
    variant: str,
    attack: str = "none",
    epsilon: float = 0.0,
    *,
    reading: str = "keep_top",
    pns_weight: float = 0.0,
    b: float = 0.4,
    **stated: Any,
) -> dict[str, Any]:
    params = {"b": b, "reading": reading, "pns_weight": pns_weight, "sites": [3, 4]}
    known = {"model_params": json.dumps(params), "variant": f"b={b}, {reading}, {pns_weight}"}
    return paper("live", "cprl", attack, epsilon, variant, **stated) | known


def found(check: Check, *statuses: str) -> list[Comparison]:
    return [c for c in check.comparisons if c.status in (statuses or ("holds", "falls short", "exceeds"))]


def summary(check: Check) -> dict[str, int]:
    return {name: count for name, count in check.counts.items() if count}
