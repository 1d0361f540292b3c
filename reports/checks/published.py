"""`iqabench check --against published`: the store beside the numbers that papers print."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ...bench.core.text import listing, plural
from ...bench.statistics.metrics import OK
from ...bench.store.condition import Condition
from ...bench.store.results import RESIZE, Results
from ..paper.ablation_cells import cprl_cells, over_b, over_pns
from ..paper.points import REGIME, Point, grouped, point
from ..paper.selection import select
from ..published import PAPER, load
from .check import Check, stand_ins
from .comparison import Comparison

PUBLISHED = "published"

TABLE6_B = 0.4  # the bias b behind Table 6: the paper calls it the optimal value (Section 5.3)
IMAGE_SIZE = 320  # side in pixels of the images that the paper's models see (Section 5.1)

# By dataset, model, attack, epsilon and the paper's variant: the store's name of the variant, and the number.
_Measured = Mapping[tuple[str, str, str, float, str], list[tuple[str, Point]]]


def against_published(results: Results, tolerances: Mapping[str, float]) -> Check:
    """Compare a results table with every number of the CPRL paper, for clean training.

    Tables 1, 2 and 4 are compared with models as their own tables configure them; Table 5 with the mask alone
    at each b, and Table 6 with and without the PNS risk at b = `TABLE6_B`, both for each reading of Eq. 7
    that was run. Of several seeds the mean is compared, of several versions the newest, as in the reports. A
    dataset that stands in for another is not compared.
    """
    table = load()
    published = table[table["source"] == PAPER]
    frame = results.frame
    known = frame["dataset"].isin(published["dataset"]) & frame["model"].isin(published["model"])
    real = results.only(known & ~frame["stand_in"].astype(bool))
    shown = select(real)
    measured = _measured(shown.points, real.frame)
    rows = published[published["metric"].isin(list(tolerances))]
    comparisons = [one for row in rows.to_dict("records") for one in _compare(row, measured, tolerances)]
    return Check(
        against=PUBLISHED,
        comparisons=tuple(comparisons),
        tolerances=tolerances,
        guarding=False,
        advice="the store holds no number of a paper; `iqabench run --profile paper` computes those.",
        notes=(*shown.notes, *_notes(frame, shown.cells)),
    )


def _notes(frame: pd.DataFrame, shown: pd.DataFrame) -> Iterator[str]:
    """Say what was not compared with published numbers, and what was measured on other images."""
    names = stand_ins(frame)
    if names:
        verb = "stands in for a database and is" if len(names) == 1 else "stand in for databases and are"
        yield f"{listing(names)} {verb} not compared with published numbers."
    for (dataset, size), _ in grouped(shown[shown["image_size"] != IMAGE_SIZE], ["dataset", "image_size"]):
        yield f"On {dataset} images of {size} pixels were scored; the paper's have {IMAGE_SIZE}."
    others = shown[shown["pixels"] != RESIZE]
    for (dataset, model, pixels), _ in grouped(others, ["dataset", "model", "pixels"]):
        yield f"On {dataset} {model} was given images otherwise than in the paper: {pixels}."
    for (dataset, limit), _ in grouped(shown[shown["limit"].notna()], ["dataset", "limit"]):
        yield f"On {dataset} only {plural(limit, 'test image')} were scored: --limit."


def _measured(points: tuple[Point, ...], results: pd.DataFrame) -> _Measured:
    found = defaultdict(list)
    for variant, name, one in (*(("", "", plain) for plain in points), *_ablated(results)):
        found[one.dataset, one.model, one.attack, one.epsilon, variant].append((name, one))
    return found


def _ablated(results: pd.DataFrame) -> Iterator[tuple[str, str, Point]]:
    """Yield the entries of Tables 5 and 6, each with the names of its variant there and in the store."""
    candidates = cprl_cells(results)
    by_b, by_pns = over_b(candidates), over_pns(candidates)
    tables: tuple[tuple[str, pd.DataFrame, Callable[[float], str]], ...] = (
        ("b", by_b[by_b["pns_weight"] == 0], "b={}".format),
        ("pns_weight", by_pns[by_pns["b"] == TABLE6_B], lambda weight: "CA+PNS" if weight else "CA"),
    )
    for ablated, table, named in tables:
        setting = [ablated, "dataset", "reading", "others", "attack", "epsilon"]
        for (value, *_), cells in grouped(table, setting):
            yield named(value), str(cells["variant"].iloc[0]), point(cells)


def _compare(
    row: Mapping[Hashable, Any], measured: _Measured, tolerances: Mapping[str, float]
) -> Iterator[Comparison]:
    """Yield a comparison of one published number with each measured one that stands for it, or with none."""
    place = tuple(row[name] for name in ("dataset", "model", "attack", "epsilon", "variant"))
    condition = Condition(row["dataset"], row["model"], row["variant"], REGIME, (), *place[2:4])
    table, metric = f"{row['source']}, Table {row['table']}", row["metric"]
    expected = Comparison(table, condition, metric, row["value"], tolerances[metric])
    for name, found in measured.get(place, []):
        variant = " ".join(filter(None, [row["variant"], f"({name})" if name else ""]))
        run = replace(condition, variant=variant, seeds=tuple(map(int, found.seeds)))
        yield replace(expected, condition=run).judged(found.measures[metric].value, status=_status(found))
    if place not in measured:
        yield expected


def _status(found: Point) -> str:
    if found.status == OK and found.usable < len(found.seeds):
        return f"only {found.usable} of {len(found.seeds)} seeds have usable scores"
    return found.status
