"""A report in which every text that comes from a user is the same hostile one."""

import json
from pathlib import Path
from typing import Any

from iqabench.reports.paper.report import Report, compose

from ..fabricated import results
from .explained import write_hostile_explanation

FIELDS = ("model", "dataset", "command", "checkpoint", "weights", "device", "profile", "file", "versions")


def hostile_report(text: str, root: Path) -> Report:
    """Return a report on a store at `root`, whose only explanation is written there."""
    write_hostile_explanation(root / "explain" / "x", text)
    hostile = dict.fromkeys(FIELDS, text)
    params = [json.dumps({"b": b, "reading": text, "pns_weight": 0, "sites": text}) for b in (0.3, 0.4)]
    ablated = [{"model": "cprl", "dataset": text, "variant": text, "model_params": each} for each in params]
    rows: list[dict[str, Any]] = [
        {**hostile, "stand_in": True},
        {**hostile, "attack": "fgsm", "epsilon": 1.0},
        {**hostile, "attack": text, "epsilon": 1.0},
        {**hostile, "attack": f"{text}2", "epsilon": 2.0},
        {**hostile, "model": "b_c", "status": f"{text} scores"},
        {**hostile, "regime": text},
        {**hostile, "variant": text},
        *ablated,
    ]
    return compose(results(*rows, unreadable=[(text, text)]), root)
