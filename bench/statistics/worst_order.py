"""The order of images, ties included, whose Spearman correlation with the labels is lowest.

An image can stand strictly below another exactly when its `low` is less than the other's `high`; the two
can be tied exactly when their intervals meet. Intervals that meet pairwise have a common point, so an order
is possible when every pair is.

The search goes in two steps. First an order without ties: images with one and the same single score form
one item, and items move together with all that must stay before (or after) them. Then ties: equal labels are
tied where that lowers the correlation; and in small problems, and where intervals touch at their ends, images
move one at a time into a group or between two, with the exact correlation.
"""

import heapq
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .bootstrap import Array, Indices

Levels = NDArray[np.intp]

_SMALL = 40  # images: here every start is improved and ties are searched
_THRESHOLDS = 9
_PASSES = 30
_GAIN = 1e-6  # of correlation: a pass that gains less is the last
_POLISHED = 8
_CENTRES = 13


def worst_levels(ranks: Array, low: Array, high: Array, relaxed: Array) -> Levels:
    """Return the level of each image, 0 the lowest; images of one level are tied.

    Ranks are the centred average ranks of the labels; `relaxed` are scores in the intervals that are a good
    guess. All arrays are (N,).
    """
    items = _Items(ranks, low, high)
    small = len(ranks) <= _SMALL
    guesses = [relaxed, *_guesses(ranks, low, high)]
    orders = [items.sorted_by(guess) for guess in (guesses if small else guesses[:1])]
    if small:
        orders += [items.greedy(), items.mirrored().greedy()[::-1]]
    found: list[Array | Levels] = [*guesses]
    for order in orders:
        levels = items.levels(items.improved(order))
        found.append(levels)
        if (ranks * stats.rankdata(levels)).sum() < 0:
            found.append(_tied(ranks, low, high, levels))
    best = _best(ranks, found, _POLISHED if small else 1)
    if small or _touch(low, high):
        best += _best(ranks, _gathered(ranks, low, high, small), _POLISHED if small else 1)
        best = [_polished(ranks, low, high, levels) for levels in best]
    return min(best, key=lambda levels: _spearman(ranks, levels))


def _best(ranks: Array, found: Sequence[Array | Levels], count: int) -> list[Levels]:
    """Return the levels of the best few of some orders that differ; each is given by scores or levels."""
    placed = np.unique(stats.rankdata(np.array(found), axis=1), axis=0)
    centred = placed - placed.mean(axis=1, keepdims=True)
    size = np.sqrt((centred * centred).sum(axis=1))
    product = (centred * ranks).sum(axis=1)
    value = np.where(size > 0, product / np.maximum(size, 1e-9), np.inf)
    chosen = placed[np.argsort(value, kind="stable")[:count]]
    return [np.unique(row, return_inverse=True)[1] for row in chosen]


def _touch(low: Array, high: Array) -> bool:
    """Return whether an interval ends where another's begins, as saturated scores do: a tie, but no swap."""
    lows = np.sort(low)
    begins = np.searchsorted(lows, high, "right") - np.searchsorted(lows, high, "left")
    return bool((begins > (low == high)).any())


def _gathered(ranks: Array, low: Array, high: Array, small: bool) -> list[Array]:
    """Gather the labels above a cut round one score and the others round a higher one, with their ties."""
    scores, cuts = np.unique(np.concatenate([low, high])), np.unique(ranks)
    if len(scores) > _CENTRES or not small:
        scores = np.quantile(scores, np.linspace(0, 1, _CENTRES if small else 4))
    if not small:
        cuts = np.quantile(ranks, np.linspace(0, 1, _THRESHOLDS + 2)[1:-1])
    pairs = itertools.combinations_with_replacement(scores, 2)
    return [
        np.clip(np.where(ranks > cut, lower, upper), low, high)
        for (lower, upper), cut in itertools.product(pairs, cuts)
    ]


def _guesses(ranks: Array, low: Array, high: Array) -> list[Array]:
    middle = (low + high) / 2
    cuts = np.quantile(ranks, np.linspace(0, 1, _THRESHOLDS + 2)[1:-1])
    return [middle, low, high, *(np.where(ranks > cut, low, high) for cut in cuts)]


class _Items:
    """Images to be put into an order without ties; equal intervals of no width are one item.

    The cost of an order is the sum over items of weight times the number of images before it. Each pair adds
    the weight of the later times the size of the earlier, which is what moves are judged by.
    """

    def __init__(self, ranks: Array, low: Array, high: Array) -> None:
        single = low == high
        keys = np.where(single, stats.rankdata(low, method="dense"), -np.arange(1, len(low) + 1))
        _, first, self.item = np.unique(keys, return_index=True, return_inverse=True)
        self.size: Array = np.bincount(self.item).astype(np.float64)
        self.weight: Array = np.bincount(self.item, ranks).astype(np.float64)
        self.low, self.high = low[first], high[first]

    def mirrored(self) -> "_Items":
        """Return the same problem seen from above: an order of it, reversed, is one of this."""
        other = object.__new__(_Items)
        other.item, other.size, other.weight = self.item, self.size, -self.weight
        other.low, other.high = -self.high, -self.low
        return other

    def levels(self, order: Indices) -> Levels:
        """Return the level of each image."""
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.arange(len(order))
        return place[self.item]

    def sorted_by(self, scores: Array) -> Indices:
        """Order the items by scores inside their intervals; equal ones by label, the highest first."""
        score = np.empty(len(self.size))
        score[self.item] = scores
        side = np.where(score == self.high, 0, np.where(score == self.low, 2, 1))
        side[self.low == self.high] = 1
        return np.lexsort((-self.weight / self.size, side, score))

    def greedy(self) -> Indices:
        """Take, again and again, the highest label among the items that need not wait for another."""
        by_low = np.lexsort((self.high, self.low)).tolist()
        by_high = np.lexsort((self.low, self.high)).tolist()
        low, high = self.low.tolist(), self.high.tolist()
        key = (-self.weight / self.size).tolist()
        taken = [False] * len(low)
        order: list[int] = []
        free: list[tuple[float, int]] = []
        waiting = unfinished = 0
        while len(order) < len(low):
            while unfinished < len(low) and taken[by_high[unfinished]]:
                unfinished += 1
            least = high[by_high[unfinished]]
            while waiting < len(low) and (
                low[by_low[waiting]] < least or by_low[waiting] == by_high[unfinished]
            ):
                heapq.heappush(free, (key[by_low[waiting]], by_low[waiting]))
                waiting += 1
            _, item = heapq.heappop(free)
            taken[item] = True
            order.append(item)
        return np.array(order, dtype=np.intp)

    def improved(self, order: Indices) -> Indices:
        """Move items, with those that must stay on their side, until no such move lowers the cost."""
        order = order.copy()
        enough = _GAIN * float((self.weight * self.weight).sum())
        tables = [self.low[order], self.high[order], self.weight[order], self.size[order]]
        for _ in range(_PASSES):
            gained = 0.0
            for item in np.argsort(-np.abs(self.weight), kind="stable"):
                place = int(np.flatnonzero(order == item)[0])
                for upwards in (False, True):
                    gain, start, part = _best_walk(tables, place, upwards)
                    if gain > 1e-9:
                        gained += gain
                        stop = start + len(part)
                        order[start:stop] = order[start:stop][part]
                        for table in tables:
                            table[start:stop] = table[start:stop][part]
                        break
            if gained <= enough:
                break
        return order


def _best_walk(tables: list[Array], place: int, upwards: bool) -> tuple[float, int, Indices]:
    """Find the best move of an item towards one end of the order, with all that must stay on that side of it.

    What must move along is part of the item once it is met. Downwards, each item passed goes up by the
    moved size, and what moves goes down by the passed size. The gain of moving upwards is the negative.

    Returns the gain, the place where the changed part of the order begins, and that part's new order.
    """
    low, high, weight, size = tables
    met = slice(place + 1, None) if upwards else slice(place - 1, None, -1) if place else slice(0)
    along = low[met] >= high[place] if upwards else high[met] <= low[place]
    loads = weight[place] + np.cumsum(weight[met] * along)
    masses = size[place] + np.cumsum(size[met] * along)
    gains = np.cumsum(np.where(along, 0.0, loads * size[met] - weight[met] * masses))
    gains = -gains if upwards else gains
    if gains.max(initial=0.0) <= 0:
        return 0.0, place, np.empty(0, dtype=np.intp)
    best = int(gains.argmax())
    moved = np.append(True, along[: best + 1])
    if upwards:
        return float(gains[best]), place, np.argsort(moved, kind="stable")
    return float(gains[best]), place - 1 - best, np.argsort(~moved[::-1], kind="stable")


def _tied(ranks: Array, low: Array, high: Array, levels: Levels) -> Levels:
    """Tie neighbours of one label where their intervals meet."""
    least, most = np.full((2, int(levels.max()) + 1), np.inf)
    np.minimum.at(least, levels, ranks)
    np.minimum.at(most, levels, -ranks)
    mixed = (least != -most)[levels]  # one score of several labels, which must stay together
    label = np.where(mixed, ranks.max() + 1 + levels, ranks)
    order = np.argsort(levels, kind="stable")
    run = np.cumsum(np.diff(label[order], prepend=np.nan) != 0)
    order = order[np.lexsort((high[order], run))]
    run.sort()
    tied = np.empty_like(levels)
    level, point, last = -1, -math.inf, 0
    for image, current in zip(order.tolist(), run.tolist(), strict=True):
        if current != last or low[image] > point:
            level, point = level + 1, high[image]
        last = current
        tied[image] = level
    return tied


def _polished(ranks: Array, low: Array, high: Array, levels: Levels) -> Levels:
    """Move single images into a group or between groups while the exact correlation falls."""
    current = _spearman(ranks, levels)
    enough = 0.0 if len(ranks) <= _SMALL else _GAIN * math.sqrt(float((ranks * ranks).sum()))
    for _ in range(_PASSES):
        before = current
        for image in range(len(ranks)):
            value, moved = _best_move(ranks, low, high, levels, image)
            if value < current - 1e-12:
                current, levels = value, moved
        if before - current <= enough:
            break
    return levels


def _best_move(ranks: Array, low: Array, high: Array, levels: Levels, image: int) -> tuple[float, Levels]:
    """Return the lowest correlation when one image moves, up to a constant factor, with its levels.

    Places are numbered 2 g for a tie with group g of the others and 2 g + 1 for a place of its own above it.
    """
    n = len(ranks)
    others = np.arange(n) != image
    group = levels[others]
    if not (group == levels[image]).any():
        group = group - (group > levels[image])
    count = np.bincount(group).astype(np.float64)
    weight = np.bincount(group, ranks[others])
    floors, ceilings = low[others], high[others]
    least = max(
        2 * group[ceilings < low[image]].max(initial=-1) + 1,
        2 * group[ceilings == low[image]].max(initial=-1),
        -1,
    )
    most = min(
        2 * group[floors > high[image]].min(initial=n) - 1,
        2 * group[floors == high[image]].min(initial=n),
        2 * len(count) - 1,
    )
    below = np.concatenate([[0.0], np.cumsum(count)])
    above = weight.sum() - np.concatenate([[0.0], np.cumsum(weight)])
    fixed = (weight * (below[:-1] + (count + 1) / 2)).sum()
    ties = (count**3 - count).sum() / 12
    product, spread = np.empty(2 * len(count) + 1), np.empty(2 * len(count) + 1)
    product[0::2] = fixed + ranks[image] * (below + 1) + above
    product[1::2] = fixed + ranks[image] * (below[:-1] + count / 2 + 1) + above[1:] + weight / 2
    spread[0::2] = (n**3 - n) / 12 - ties
    spread[1::2] = (n**3 - n) / 12 - ties - count * (count + 1) / 4
    values = np.where(spread > 1e-9, product / np.sqrt(np.maximum(spread, 1e-9)), np.inf)[
        least + 1 : most + 2
    ]
    if not len(values):
        return math.inf, levels
    place = least + int(values.argmin())
    moved = np.empty(n, dtype=np.intp)
    moved[others] = group + (group > place // 2) if place % 2 else group
    moved[image] = (place + 1) // 2
    return float(values.min()), moved


def _spearman(ranks: Array, levels: Levels) -> float:
    """Return the correlation times the (fixed) spread of the labels' ranks; infinite where undefined."""
    placed = stats.rankdata(levels)
    placed = placed - placed.mean()
    spread = float((placed * placed).sum())
    return float((ranks * placed).sum()) / math.sqrt(spread) if spread > 0 else math.inf
