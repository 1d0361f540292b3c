"""An entrant's curves as SVG: SROCC over epsilon, a line per attack. Colours are the page's style sheet's.

`chart.js` draws the same chart in the reader's browser, with the measures of `LAYOUT`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ....bench.core.text import number
from ...catalogue import attack_name
from ..board import Number
from ..ranking import CLEAN, CONTROLS, Condition, Pair


@dataclass(frozen=True)
class Layout:
    """The measures of a chart, in units of its drawing."""

    width: int = 450
    height: int = 250
    left: int = 58
    right: int = 92
    top: int = 12
    bottom: int = 42
    gap: int = 14  # between the names of two lines, at least
    tick: int = 26  # between two ticks of epsilon, at least
    letters: int = 14  # of a line's name
    looks: int = 8  # colours in the style sheet
    markers: tuple[str, ...] = (
        "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z",
        "M-3-3h6v6h-6z",
        "M0-4.1l4 7.1h-8z",
        "M0-4.6l4.6 4.6-4.6 4.6-4.6-4.6z",
        "M-4-2.9h8l-4 7.1z",
    )


LAYOUT = Layout()


@dataclass(frozen=True)
class Mark:
    """A number on the chart; a bound that is not known is NaN."""

    epsilon: float
    srocc: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """An attack on the chart.

    Attributes:
        name: Of the attack.
        look: Index of its colour and marker; None for a control.
        measured: By epsilon, beginning with clean images at 0; joined by a line.
        reported: Likewise; hollow, and not joined.
    """

    name: str
    look: int | None
    measured: tuple[Mark, ...]
    reported: tuple[Mark, ...]

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All of them."""
        return self.measured + self.reported


def lines(numbers: Mapping[Condition, Pair], dataset: str, attacks: Sequence[str]) -> list[Line]:
    """The lines of an entrant on a dataset, without what is undefined.

    Args:
        numbers: From `conditions`.
        dataset: One of its datasets.
        attacks: All attacks of the board, controls included, so that each looks alike on every page.
    """
    real = [attack for attack in attacks if attack not in CONTROLS]
    found = []
    for attack in attacks:
        under = [key for key in numbers if key[0] == dataset and key[1] in (CLEAN, attack)]
        along = [numbers[key] for key in sorted(under, key=lambda key: key[2])]
        if any(pair.attack == attack for pair in along):
            look = real.index(attack) if attack in real else None
            measured = _marks(pair.measured for pair in along)
            reported = _marks(pair.reported for pair in along)
            found.append(Line(attack_name(attack), look, measured, reported))
    return [line for line in found if line.marks]


def draw(drawn: Sequence[Line], title: str) -> Markup:
    """The chart of some lines, at least one, as an SVG element for HTML.

    Args:
        drawn: From `lines`.
        title: What it shows; said, with all numbers, to those who do not see it.
    """
    frame = _Frame(drawn)
    body = [*frame.axes(), *(part for line in drawn for part in frame.line(line)), *frame.names(drawn)]
    label = escape(f"{title}. {' '.join(map(_in_words, drawn))}")
    return Markup(
        f'<svg class="chart" viewBox="0 0 {LAYOUT.width} {LAYOUT.height}" role="img" aria-label="{label}">'
        f"{''.join(body)}</svg>"
    )


class _Frame:
    """Where numbers are on the chart."""

    def __init__(self, drawn: Sequence[Line]) -> None:
        marks = [mark for line in drawn for mark in line.marks]
        bottoms = [bound for mark in marks for bound in (mark.srocc, mark.low) if not math.isnan(bound)]
        self.floor = math.floor(4 * min(0.0, *bottoms)) / 4
        self.epsilons = sorted({mark.epsilon for mark in marks})
        self.reach = self.epsilons[-1] or 1.0
        self.end = LAYOUT.width - LAYOUT.right

    def x(self, epsilon: float) -> float:
        return LAYOUT.left + (self.end - LAYOUT.left) * epsilon / self.reach

    def y(self, srocc: float) -> float:
        height = LAYOUT.height - LAYOUT.top - LAYOUT.bottom
        return LAYOUT.top + height * (1 - srocc) / (1 - self.floor)

    def axes(self) -> Iterator[str]:
        step = 0.25 if self.floor > -0.25 else 0.5
        lowest = math.ceil(self.floor / step)
        for srocc in (step * index for index in range(lowest, round(1 / step) + 1)):
            height = _round(self.y(srocc))
            kind = "zero" if srocc == 0 else "grid"
            yield f'<path class="{kind}" d="M{LAYOUT.left} {height}H{self.end}"/>'
            yield f'<text class="tick srocc" x="{LAYOUT.left - 7}" y="{height}">{number(srocc, 2)}</text>'
        for epsilon in self._ticks():
            at = _round(self.x(epsilon))
            yield f'<text class="tick epsilon" x="{at}" y="{LAYOUT.height - 26}">{epsilon:g}</text>'
        middle = _round((LAYOUT.left + self.end) / 2)
        yield f'<text class="axis" x="{middle}" y="{LAYOUT.height - 8}">ε, in units of 1/255</text>'
        centre = _round((LAYOUT.top + LAYOUT.height - LAYOUT.bottom) / 2)
        yield f'<text class="axis" transform="translate(11 {centre}) rotate(-90)">SROCC</text>'

    def line(self, line: Line) -> Iterator[str]:
        yield f'<g class="{_look(line)}">'
        bounded = [mark for mark in line.measured if not math.isnan(mark.low)]
        if len(bounded) > 1:
            above = [self._at(mark.epsilon, mark.high) for mark in bounded]
            below = [self._at(mark.epsilon, mark.low) for mark in reversed(bounded)]
            yield f'<path class="band" d="M{"L".join(above + below)}z"/>'
        if len(line.measured) > 1:
            yield f'<path class="line" d="M{"L".join(self._at(m.epsilon, m.srocc) for m in line.measured)}"/>'
        for kind, marks in (("measured", line.measured), ("reported", line.reported)):
            for mark in marks:
                place = self._at(mark.epsilon, mark.srocc)
                yield f'<path class="{kind}" transform="translate({place})" d="{_marker(line)}"/>'
        yield "</g>"

    def names(self, drawn: Sequence[Line]) -> Iterator[str]:
        """The names of the lines at the right, each at the height of its line's end or near it."""
        ends = sorted(((self._end(line), line.name, line) for line in drawn), key=lambda end: end[:2])
        for height, (_, name, line) in zip(_apart([end[0] for end in ends]), ends, strict=True):
            place = f"{self.end + 13} {_round(height)}"
            yield f'<g class="{_look(line)}">'
            yield f'<path class="measured" transform="translate({place})" d="{_marker(line)}"/></g>'
            yield f'<text class="name" x="{self.end + 22}" y="{_round(height)}">{escape(_short(name))}</text>'

    def _end(self, line: Line) -> float:
        return self.y((line.measured or line.reported)[-1].srocc)

    def _ticks(self) -> Iterator[float]:
        last = -math.inf
        for epsilon in self.epsilons:
            if self.x(epsilon) - last >= LAYOUT.tick:
                last = self.x(epsilon)
                yield epsilon

    def _at(self, epsilon: float, srocc: float) -> str:
        return f"{_round(self.x(epsilon))} {_round(self.y(srocc))}"


def _marks(numbers: Iterable[Number | None]) -> tuple[Mark, ...]:
    return tuple(
        Mark(known.epsilon, known.srocc, known.low, known.high)
        for known in numbers
        if known is not None and not math.isnan(known.srocc)
    )


def _apart(heights: Sequence[float]) -> list[float]:
    """Rising heights moved apart to `LAYOUT.gap`: down, then all up again as far as they overshoot."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + LAYOUT.gap) if placed else height)
    overshoot = max(0.0, placed[-1] - (LAYOUT.height - LAYOUT.bottom))
    return [height - overshoot for height in placed]


def _look(line: Line) -> str:
    return "control" if line.look is None else f"look-{line.look % LAYOUT.looks}"


def _marker(line: Line) -> str:
    return LAYOUT.markers[(line.look or 0) % len(LAYOUT.markers)]


def _short(name: str) -> str:
    return name if len(name) <= LAYOUT.letters else f"{name[: LAYOUT.letters - 1]}…"


def _in_words(line: Line) -> str:
    kinds = (("measured", line.measured), ("reported", line.reported))
    return " ".join(
        f"{line.name}, {kind}: {', '.join(f'{number(m.srocc, 2)} at {m.epsilon:g}' for m in marks)}."
        for kind, marks in kinds
        if marks
    )


def _round(value: float) -> str:
    return f"{value:.1f}"
