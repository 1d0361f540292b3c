"""`iqabench check --against published`: the store beside the numbers that papers print."""

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from ...bench.statistics.metrics import OK
from ...bench.store.condition import Condition
from ...bench.store.results import Results
from ..paper.ablation_cells import cprl_cells, over_b, over_pns
from ..paper.selection import REGIME, Point, grouped, point, select
from ..published import load
from .check import Check
from .comparison import Comparison, compared
from .words import notes_on_published

PUBLISHED = "published"

TABLE6_B = 0.4
"""The bias b behind Table 6: the paper calls it the optimal value (Section 5.4)."""

IMAGE_SIZE = 320
"""Side in pixels of the images that the paper's models see (Section 5.1)."""

_Place = tuple[str, str, str, float, str]  # dataset, model, attack, epsilon, variant of the paper


class _Measured(NamedTuple):
    variant: str  # as the store calls it
    point: Point


def against_published(results: Results, tolerances: Mapping[str, float]) -> Check:
    """Compare a results table with every published number, for clean training.

    Tables 1, 2 and 4 are compared with models as their own tables configure them; Table 5 with the mask alone
    at each b, and Table 6 with and without the PNS risk at b = `TABLE6_B`, both for each reading of Eq. 7
    that was run. Of several seeds the mean is compared, of several versions the newest, as in the reports. A
    dataset that stands in for another is not compared.

    Args:
        results: From `read_results`.
        tolerances: By metric.
    """
    published = load()
    frame = results.frame
    known = frame["dataset"].isin(published["dataset"]) & frame["model"].isin(published["model"])
    real = results.only(known & ~frame["stand_in"].astype(bool))
    shown = select(real)
    measured = _measured(shown.points, real.frame)
    rows = published[published["metric"].isin(list(tolerances))]
    comparisons = [
        comparison for row in rows.to_dict("records") for comparison in _compare(row, measured, tolerances)
    ]
    return Check(
        against=PUBLISHED,
        comparisons=tuple(comparisons),
        tolerances=tolerances,
        guarding=False,
        advice="the store holds no number of a paper; `iqabench run --profile paper` computes those.",
        notes=(*shown.notes, *notes_on_published(frame, shown.cells, IMAGE_SIZE)),
    )


def _measured(points: tuple[Point, ...], results: pd.DataFrame) -> dict[_Place, list[_Measured]]:
    found: dict[_Place, list[_Measured]] = {}
    for plain in points:
        place = (plain.dataset, plain.model, plain.attack, plain.epsilon, "")
        found.setdefault(place, []).append(_Measured("", plain))
    for variant, cells in _ablated(results):
        summary = point(cells)
        place = (summary.dataset, summary.model, summary.attack, summary.epsilon, variant)
        found.setdefault(place, []).append(_Measured(str(cells["variant"].iloc[0]), summary))
    return found


def _ablated(results: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the cells behind each entry of Tables 5 and 6, with the name of their variant there."""
    candidates = cprl_cells(results)
    by_b, by_pns = over_b(candidates), over_pns(candidates)
    mask_alone = by_b[by_b["pns_weight"] == 0]
    for (b, *_), cells in grouped(mask_alone, ["b", "dataset", "reading", "others", "attack", "epsilon"]):
        yield f"b={b}", cells
    at_b = by_pns[by_pns["b"] == TABLE6_B]
    setting = ["pns_weight", "dataset", "reading", "others", "attack", "epsilon"]
    for (weight, *_), cells in grouped(at_b, setting):
        yield "CA+PNS" if weight else "CA", cells


def _compare(
    row: Mapping[Hashable, Any], measured: Mapping[_Place, list[_Measured]], tolerances: Mapping[str, float]
) -> Iterator[Comparison]:
    """Yield a comparison of one published number with each measured one that stands for it, or with none."""
    place = tuple(row[name] for name in ("dataset", "model", "attack", "epsilon", "variant"))
    table, metric = f"{row['source']}, Table {row['table']}", row["metric"]
    tolerance = tolerances[metric]
    condition = Condition(row["dataset"], row["model"], row["variant"], REGIME, (), *place[2:4])
    for found in measured.get(place, []):
        names = [row["variant"], f"({found.variant})" if found.variant else ""]
        variant, seeds = " ".join(filter(None, names)), tuple(map(int, found.point.seeds))
        run = replace(condition, variant=variant, seeds=seeds)
        numbers = (row["value"], found.point.measures[metric].value, tolerance)
        yield compared(table, run, metric, *numbers, status=_status(found.point))
    if place not in measured:
        yield Comparison(table, condition, metric, row["value"], math.nan, tolerance, "not run")


def _status(found: Point) -> str:
    if found.status == OK and found.usable < len(found.seeds):
        return f"only {found.usable} of {len(found.seeds)} seeds have usable scores"
    return found.status
