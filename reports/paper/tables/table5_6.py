"""Tables 5 and 6: what CPRL's bias b, the reading of Eq. 7 and the PNS risk change."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from ....bench.core.text import NOT_RUN, capitalised, listing, plural
from ....bench.store.condition import attack_phrase
from ...catalogue import attack_name, catalogue, dataset_name, model_name
from ...published import paper_numbers
from .. import wording
from ..ablation_cells import CONDITIONS, beside_pair, cprl_cells, over_b, over_pns, resnet_cells
from ..numbers import Entry, metric_cells, metric_columns
from ..points import Point, grouped, has_worst_case, points_by
from ..selection import Selection
from ..table import Block, Cell, Group, Label, Row, Table

PAPER_DATASET = "live"  # what the paper measured Tables 5 and 6 on

_Points = Mapping[tuple[Any, ...], Point]


class _Line(NamedTuple):
    points: tuple[Point | None, ...]  # for `CONDITIONS`
    model: str
    variant: str  # of the model, as `published.load` names it
    name: str
    detail: str = ""  # what tells it from another line of the same variant


def build(selection: Selection) -> Iterator[Table]:
    """Yield both tables, for clean training.

    A row's parameters say where it belongs, whether a grid made it or its model's own table. Table 5 varies b
    and the reading, and takes the mask alone; where a store has only models with the PNS risk it takes those
    and its caption says so. Table 6 needs the mask alone and with the PNS risk at one b, reading and sites.
    """
    candidates = cprl_cells(selection.results.frame)
    by_b, by_pns = over_b(candidates), over_pns(candidates)
    plain = resnet_cells(selection.results.frame)
    left_out = candidates.drop(index=[*by_b.index, *by_pns.index])
    attacks = [attack for attack, _ in CONDITIONS] if has_worst_case(selection.points) else []
    believe = wording.which_to_believe(attacks)
    believe = wording.caption(believe, wording.logistic(selection.results.frame["logistic"]))
    yield _table5(by_b, candidates, believe)
    yield _table6(by_pns, plain, left_out[left_out["variant"] != ""], believe)


def _table5(cells: pd.DataFrame, candidates: pd.DataFrame, believe: str) -> Table:
    of_paper = {float(variant[2:]) for _, _, _, _, variant, _ in paper_numbers() if variant.startswith("b=")}
    groups = [block for _, block in grouped(cells, ["dataset", "reading"])]
    points = _points(groups, ["b"])
    blocks = []
    for place, block in enumerate(groups):
        lines = [
            _Line(_under_conditions(points, place, b), "cprl", f"b={b}", str(b))
            for b in sorted(of_paper.union(block["b"]))
        ]
        weight = block["pns_weight"].iloc[0]
        pns = [f"with the PNS risk, weight {weight:g}"] if weight else []
        blocks.append(_block("; ".join([*_setting(block), *pns]), lines))
    shown, stored = set(cells["pns_weight"]), set(candidates["pns_weight"])
    with_pns = wording.BLOCK_WITH_PNS if shown - {0.0} else wording.PNS_NOT_SHOWN if stored > shown else ""
    caption = (wording.MASK_ALONE, with_pns, *_guide(blocks, cells), wording.UNNAMED_ATTACK, believe)
    return _table("5", "CPRL over the bias b of its mask", "b", blocks, caption)


def _table6(cells: pd.DataFrame, resnets: pd.DataFrame, left_out: pd.DataFrame, believe: str) -> Table:
    pairs = [pair for _, pair in grouped(cells, ["dataset", "b", "reading", "others"])]
    plain = _points([beside_pair(resnets, pair) for pair in pairs], [])
    by_weight = _points(pairs, ["pns_weight"])
    blocks = []
    for place, pair in enumerate(pairs):
        lines = [_Line(_under_conditions(plain, place), "resnet", "", model_name("resnet"))]
        weights = sorted(pair["pns_weight"].unique())
        for weight in weights:
            variant = "CA+PNS" if weight else "CA"
            detail = f"weight {weight:g}" if weight and len(weights) > 2 else ""
            name = f"{variant} ({detail})" if detail else variant
            lines.append(_Line(_under_conditions(by_weight, place, weight), "cprl", variant, name, detail))
        blocks.append(_block("; ".join([f"b = {pair['b'].iloc[0]}", *_setting(pair)]), lines))
    caption = (wording.CA_AND_PNS, *_guide(blocks, cells), wording.RESNET_OF_TABLES, believe)
    notes = [
        f"Neither Table 5 nor Table 6 shows {plural(len(found), 'cell')} of variants of CPRL on "
        f"{dataset_name(name)}, without attack or under FGSM at 1/255: a table holds runs that differ in "
        "what it ablates and in nothing else, and the newest of those."
        for (name,), found in grouped(left_out, ["dataset"])
    ]
    return _table("6", "What the mask and the PNS risk add", "Model", blocks, caption, notes)


def _points(blocks: Sequence[pd.DataFrame], columns: Sequence[str]) -> _Points:
    """Return all points of some blocks, by place of the block, the values of some columns and condition."""
    placed = [cells.assign(place=place) for place, cells in enumerate(blocks)]
    return points_by(pd.concat(placed), ["place", *columns, "attack", "epsilon"]) if placed else {}


def _under_conditions(points: _Points, *line: float) -> tuple[Point | None, ...]:
    return tuple(points.get((*line, *condition)) for condition in CONDITIONS)


def _block(title: str, lines: Sequence[_Line]) -> Block:
    measured = [point for line in lines for point in line.points if point]
    dataset, stand_in = measured[0].dataset, any(point.stand_in for point in measured)
    columns = [
        metric_cells(
            [
                Entry(
                    point=line.points[place],
                    dataset=dataset,
                    model=line.model,
                    attack=attack,
                    epsilon=epsilon,
                    stand_in=stand_in,
                    variant=line.variant,
                    setting="; ".join(filter(None, [title, line.detail])),
                    published_on=PAPER_DATASET,
                )
                for line in lines
            ]
        )
        for place, (attack, epsilon) in enumerate(CONDITIONS)
    ]
    rows = []
    for line, *cells in zip(lines, *columns, strict=True):
        rows.append(Row(Label(line.name), ((Cell(_seeds(line.points)),), *cells)))
    return Block(tuple(rows), Label(dataset_name(dataset), stand_in), title)


def _seeds(points: Sequence[Point | None]) -> str:
    """Return how many seeds are behind a row: `3`, or `2 of 3` if one has no usable scores."""
    counts = [(point.usable, len(point.seeds)) for point in points if point]
    shown = [f"{count}" if usable == count else f"{usable} of {count}" for usable, count in counts]
    return " / ".join(dict.fromkeys(shown)) or NOT_RUN


def _guide(blocks: Sequence[Block], cells: pd.DataFrame) -> Iterator[str]:
    """Yield how to read the numbers, in sentences."""
    stand_in = cells["stand_in"].astype(bool)
    on_paper = (cells["dataset"] == PAPER_DATASET) & ~stand_in
    yield wording.READING_GUIDE
    yield wording.several_seeds(cells["seed"])
    if any(" of " in row.cells[0][0].text for block in blocks for row in block.rows):
        yield wording.SOME_SEEDS_UNUSABLE
    if not on_paper.all():
        yield wording.PAPER_ON.format(dataset_name(PAPER_DATASET))
        yield wording.SHAPE_ONLY
    if on_paper.any():
        yield wording.PAPER_BELOW
    yield wording.stand_ins(cells.loc[stand_in, "dataset"])


def _table(
    number: str,
    title: str,
    heading: str,
    blocks: Sequence[Block],
    caption: Sequence[str],
    notes: Sequence[str] = (),
) -> Table:
    headings = [capitalised(attack_phrase(*condition, attack_name)) for condition in CONDITIONS]
    return Table(
        number=number,
        title=f"{title}, with clean training",
        caption=wording.caption(*caption),
        heading=heading,
        groups=(
            Group.of(["Seeds"], "descending"),
            *(Group(metric_columns(), Label(text)) for text in headings),
        ),
        blocks=tuple(blocks),
        advice="" if blocks else wording.NOT_FILLED.format(f" --profile table{number}"),
        notes=tuple(notes),
    )


def _setting(cells: pd.DataFrame) -> Iterator[str]:
    """Yield what a block's rows have in common: the reading of Eq. 7 and where the mask is."""
    name, known = cells["reading"].iloc[0], catalogue().readings
    yield f"{name}: {known[name]}" if name in known else name
    sites = json.loads(cells["others"].iloc[0]).get("sites")
    if sites is not None:
        yield f"sites {listing([str(site) for site in sites]) if isinstance(sites, list) else sites}"
