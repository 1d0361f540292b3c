"""The paper's Tables 5 and 6 as data: what CPRL's bias b, the reading of Eq. 7 and the PNS risk change."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import pandas as pd

from ...bench.core.text import listing, plural
from ...bench.store.results import Results
from ..catalogue import STAND_IN, attack_name, catalogue, dataset_name, model_name
from ..published import paper_numbers
from .ablation_cells import CONDITIONS, beside_pair, cprl_cells, over_b, over_pns, resnet_cells
from .selection import Point, grouped, points_by
from .tables import Entry, entries, published_numbers, reading_guide

PAPER_DATASET = "live"
"""What the paper measured Tables 5 and 6 on."""


@dataclass(frozen=True)
class AblationRow:
    """A setting: its entries for `CONDITIONS` and the seeds behind them: `3`, or `2 of 3` if one diverged."""

    name: str
    seeds: str
    entries: tuple[Entry, ...]

    @property
    def several_seeds(self) -> bool:
        """Whether an entry is a mean over seeds."""
        return any(entry.seeds > 1 for entry in self.entries)


@dataclass(frozen=True)
class Block:
    """Rows that differ in nothing but what the table ablates.

    Attributes:
        dataset: As the paper spells it.
        stand_in: Whether it stands in for a database.
        comparable: Whether it is the paper's, so that a difference from the paper's numbers means something.
        title: What the rows have in common.
        rows: One for each setting.
    """

    dataset: str
    stand_in: bool
    comparable: bool
    title: str
    rows: tuple[AblationRow, ...]


@dataclass(frozen=True)
class Ablation:
    """Table 5 or 6. The published numbers in its entries are the paper's on `PAPER_DATASET`.

    Attributes:
        number: As in the paper.
        slug: For file names and links.
        title: What it shows, in a phrase.
        caption: How to read it, in sentences.
        heading: Of the column that names the rows.
        conditions: Names of `CONDITIONS`.
        blocks: The rows; empty if the table was not run.
        advice: How to fill an empty table; else empty.
    """

    number: str
    slug: str
    title: str
    caption: str
    heading: str
    conditions: tuple[str, ...]
    blocks: tuple[Block, ...]
    advice: str

    layout: ClassVar[str] = "ablation"
    """The template that renders it."""

    @property
    def rows(self) -> tuple[AblationRow, ...]:
        """The rows of all blocks."""
        return tuple(row for block in self.blocks for row in block.rows)


@dataclass(frozen=True)
class Ablations:
    """Tables 5 and 6.

    Attributes:
        tables: Both.
        cells: The rows of the results table behind them.
        notes: What is not shown, in sentences.
    """

    tables: tuple[Ablation, Ablation]
    cells: pd.DataFrame
    notes: tuple[str, ...]


_Points = Mapping[tuple[Any, ...], Point]


class _Line(NamedTuple):
    name: str
    points: tuple[Point | None, ...]  # for `CONDITIONS`
    model: str  # of the paper's row, with its variant
    variant: str


def ablations(results: Results) -> Ablations:
    """Return Tables 5 and 6, for clean training.

    A row's parameters say where it belongs, whether a grid made it or its model's own table. Table 5 varies b
    and the reading, and takes the mask alone; where a store has only models with the PNS risk it takes those
    and its caption says so. Table 6 needs the mask alone and with the PNS risk at one b, reading and sites.
    """
    candidates = cprl_cells(results.frame)
    by_b, by_pns = over_b(candidates), over_pns(candidates)
    pairs = [pair for _, pair in grouped(by_pns, ["dataset", "b", "reading", "others"])]
    plain = resnet_cells(results.frame)
    resnets = [beside_pair(plain, pair) for pair in pairs]
    behind = {index for cells in (by_b, by_pns, *resnets) for index in cells.index}
    return Ablations(
        (_table5(by_b, candidates), _table6(pairs, resnets)),
        results.frame.loc[sorted(behind)],
        tuple(_left_out(candidates.drop(index=[*by_b.index, *by_pns.index]))),
    )


def _table5(cells: pd.DataFrame, candidates: pd.DataFrame) -> Ablation:
    of_paper = {float(variant[2:]) for _, _, _, _, variant, _ in paper_numbers() if variant.startswith("b=")}
    groups = [block for _, block in grouped(cells, ["dataset", "reading"])]
    points = _points(groups, ["b"])
    blocks = []
    for place, block in enumerate(groups):
        lines = [
            _Line(str(b), _under_conditions(points, place, b), "cprl", f"b={b}")
            for b in sorted(of_paper.union(block["b"]))
        ]
        blocks.append(_block("; ".join([*_setting(block), *_pns(block)]), lines))
    return _table("5", "CPRL over the bias b of its mask", "b", blocks, _caption5(cells, candidates, blocks))


def _table6(pairs: Sequence[pd.DataFrame], resnets: Sequence[pd.DataFrame]) -> Ablation:
    plain, by_weight = _points(resnets, []), _points(pairs, ["pns_weight"])
    blocks = []
    for place, pair in enumerate(pairs):
        resnet = _Line(model_name("resnet"), _under_conditions(plain, place), "resnet", "")
        lines = [resnet, *_with_and_without_pns(pair, by_weight, place)]
        blocks.append(_block("; ".join([f"b = {pair['b'].iloc[0]}", *_setting(pair)]), lines))
    return _table("6", "What the mask and the PNS risk add", "Model", blocks, _caption6(blocks))


def _with_and_without_pns(pair: pd.DataFrame, points: _Points, place: int) -> Iterator[_Line]:
    weights = sorted(pair["pns_weight"].unique())
    for weight in weights:
        variant = "CA+PNS" if weight else "CA"
        name = f"{variant} (weight {weight:g})" if weight and len(weights) > 2 else variant
        yield _Line(name, _under_conditions(points, place, weight), "cprl", variant)


def _points(blocks: Sequence[pd.DataFrame], columns: Sequence[str]) -> _Points:
    """All points of some blocks, by place of the block, the values of some columns, attack and epsilon."""
    placed = [cells.assign(place=place) for place, cells in enumerate(blocks)]
    return points_by(pd.concat(placed), ["place", *columns, "attack", "epsilon"]) if placed else {}


def _under_conditions(points: _Points, *line: float) -> tuple[Point | None, ...]:
    return tuple(points.get((*line, *condition)) for condition in CONDITIONS)


def _block(title: str, lines: Sequence[_Line]) -> Block:
    columns = [
        entries(
            [line.points[column] for line in lines],
            [published_numbers(PAPER_DATASET, line.model, *condition, line.variant) for line in lines],
        )
        for column, condition in enumerate(CONDITIONS)
    ]
    rows = [
        AblationRow(line.name, _seeds(found), tuple(found))
        for line, *found in zip(lines, *columns, strict=True)
    ]
    measured = [point for line in lines for point in line.points if point]
    dataset, stand_in = measured[0].dataset, any(point.stand_in for point in measured)
    return Block(
        dataset=dataset_name(dataset),
        stand_in=stand_in,
        comparable=dataset == PAPER_DATASET and not stand_in,
        title=title,
        rows=tuple(rows),
    )


def _seeds(found: Sequence[Entry]) -> str:
    counts = [
        f"{entry.seeds}" if entry.usable == entry.seeds else f"{entry.usable} of {entry.seeds}"
        for entry in found
        if entry.seeds
    ]
    return " / ".join(dict.fromkeys(counts))


def _table(
    number: str, title: str, heading: str, blocks: Sequence[Block], caption: Iterator[str]
) -> Ablation:
    names = [
        attack_name(attack).capitalize() if attack == "none" else f"{attack_name(attack)} at {epsilon:g}/255"
        for attack, epsilon in CONDITIONS
    ]
    return Ablation(
        number=number,
        slug=f"table{number}",
        title=f"{title}, with clean training",
        caption=" ".join(caption),
        heading=heading,
        conditions=tuple(names),
        blocks=tuple(blocks),
        advice="" if blocks else f"Not run. `iqabench run --profile table{number}` fills this table.",
    )


def _caption5(cells: pd.DataFrame, candidates: pd.DataFrame, blocks: Sequence[Block]) -> Iterator[str]:
    shown, stored = set(cells["pns_weight"]), set(candidates["pns_weight"])
    yield "The mask alone, as the paper has it (“channel activation”), a block for each reading of Eq. 7."
    if shown - {0.0}:
        yield "A block with the PNS risk says so: of it the store holds no mask alone."
    elif stored > shown:
        yield "Models with the PNS risk are in the store too, and not in this table."
    yield from _guide(blocks)
    yield "The paper does not name this table's attack: by its Table 6 it is FGSM at 1/255."


def _caption6(blocks: Sequence[Block]) -> Iterator[str]:
    yield "CA is channel activation: CPRL's mask alone. CA+PNS is CPRL: the mask, trained with the PNS risk."
    yield from _guide(blocks)
    yield "The paper's ResNet is that of its Tables 1 and 4."


def _guide(blocks: Sequence[Block]) -> Iterator[str]:
    yield from reading_guide()
    rows = [row for block in blocks for row in block.rows]
    if any(row.several_seeds for row in rows):
        yield (
            "Of several seeds: their mean, an interval that holds those of all, and the range of the seeds' "
            "own values, which is no confidence interval."
        )
    if any(entry.usable < entry.seeds for row in rows for entry in row.entries):
        yield "“2 of 3” seeds: the third has no usable scores."
    if any(block.comparable for block in blocks):
        yield "“paper, LIVE”: what the paper prints, and below how far a number measured on LIVE is above it."
    else:
        yield "“paper, LIVE”: what the paper prints, measured on LIVE."
    if not all(block.comparable for block in blocks):
        yield "Beside another dataset it is a shape to look for, not a level to reach."
    stand_ins = dict.fromkeys(block.dataset for block in blocks if block.stand_in)
    if stand_ins:
        yield f"† {listing(list(stand_ins))} {STAND_IN}."


def _setting(cells: pd.DataFrame) -> Iterator[str]:
    """What a block's rows have in common, in phrases: the reading of Eq. 7 and where the mask is."""
    name, known = cells["reading"].iloc[0], catalogue().readings
    yield f"{name}: {known[name]}" if name in known else name
    sites = json.loads(cells["others"].iloc[0]).get("sites")
    if sites is not None:
        yield f"sites {listing([str(site) for site in sites]) if isinstance(sites, list) else sites}"


def _pns(cells: pd.DataFrame) -> Iterator[str]:
    weight = cells["pns_weight"].iloc[0]
    if weight:
        yield f"with the PNS risk, weight {weight:g}"


def _left_out(cells: pd.DataFrame) -> Iterator[str]:
    for (dataset,), group in grouped(cells[cells["variant"] != ""], ["dataset"]):
        yield (
            f"Neither Table 5 nor Table 6 shows {plural(len(group), 'cell')} of variants of CPRL on "
            f"{dataset_name(dataset)}, without attack or under FGSM at 1/255: a table holds runs that "
            "differ in what it ablates and in nothing else, and the newest of those."
        )
