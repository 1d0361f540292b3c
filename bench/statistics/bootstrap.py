"""Metrics of many bootstrap resamples at once, exact and without sorting or copying a resample.

A resample is described by how often it draws each image. Ranks, correlations and errors of the resample
are then weighted sums over the original images, in an order that is the same for every resample: sorted
once, ties included. No step calls BLAS, so results depend neither on its threads nor on its version.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 250  # resamples, and fewer of many images; keeps the rows of one step in a processor's cache
_VALUES_AT_ONCE = 1 << 23  # in an array of one step; bounds memory

Array = NDArray[np.float64]
Counts = NDArray[np.float32]
Indices = NDArray[np.intp]
Real = TypeVar("Real", bound=np.floating[Any])


def bootstrap_counts(n: int, resamples: int, seed: int = 0) -> Counts:
    """Count how often each of `n` images is drawn in each resample: (n, resamples), columns sum to `n`."""
    generator = np.random.default_rng(seed)
    counts = np.zeros(n * resamples, np.float32)
    rows = max(1, _VALUES_AT_ONCE // resamples)
    for start in range(0, n, rows):  # the same numbers as if all were drawn at once
        drawn = generator.integers(n, size=(min(rows, n - start), resamples))
        np.add.at(counts, (drawn * resamples + np.arange(resamples)).ravel(), np.float32(1))
    return counts.reshape(n, resamples)


def weighted_metrics(quality: Array, scores: Array, counts: Counts) -> dict[str, Array]:
    """Return `srocc`, `plcc`, `mse`, `krocc` (tau-b) and `rmse` of B resamples, (B,) values each.

    A resample is given by how often it draws each image: counts (N, B), whole numbers of which every column
    has the same sum. Equal to computing each metric on the images repeated by their counts. NaN where a
    resample's labels or scores are constant.
    """
    total = float(counts[:, 0].sum())
    labels, predictions = _Ties.of(quality), _Ties.of(scores)
    pairs = _pairs(labels, predictions)
    moments = _moments(quality, scores)
    parts = []
    for part in _parts(counts):
        weights = part.astype(np.float64)
        sizes = labels.sizes(weights), predictions.sizes(weights)
        plcc, mse = _pearson_and_error(moments, sizes, weights, total)
        parts.append(
            {
                "srocc": _spearman((labels, predictions), sizes, weights, total),
                "plcc": plcc,
                "mse": mse,
                "krocc": _kendall(pairs, sizes, part, total),
                "rmse": np.sqrt(mse),
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def weighted_srocc(quality: Array, scores: Array, counts: Counts) -> Array:
    """Return what `weighted_metrics` calls `srocc` (B,), without the other metrics."""
    labels, predictions = _Ties.of(quality), _Ties.of(scores)
    total, found = float(counts[:, 0].sum()), []
    for part in _parts(counts):
        weights = part.astype(np.float64)
        sizes = labels.sizes(weights), predictions.sizes(weights)
        found.append(_spearman((labels, predictions), sizes, weights, total))
    return np.concatenate(found)


def _parts(counts: Counts) -> Iterator[Counts]:
    at_once = max(1, min(_AT_ONCE, _VALUES_AT_ONCE // len(counts)))
    for start in range(0, counts.shape[1], at_once):
        yield np.ascontiguousarray(counts[:, start : start + at_once])


@dataclass(frozen=True)
class _Ties:
    """Groups of equal values, numbered in ascending order of value."""

    group: Indices  # of each image
    order: Indices  # of images, by group
    starts: Indices  # of groups, in that order

    @classmethod
    def of(cls, values: Array) -> "_Ties":
        _, group = np.unique(values, return_inverse=True)
        order = np.argsort(group, kind="stable")
        return cls(group, order, np.flatnonzero(np.diff(group[order], prepend=-1)))

    def sizes(self, weights: Array) -> Array:
        """Return how many drawn images each group holds: (groups, B)."""
        ascending = weights[self.order]
        if len(self.starts) == len(self.order):
            return ascending
        sums = _running_sum(ascending)
        return sums[[*self.starts[1:], -1]] - sums[self.starts]


def _spearman(ties: tuple[_Ties, _Ties], sizes: tuple[Array, Array], weights: Array, total: float) -> Array:
    deviations, squares = [], []
    for tie, size in zip(ties, sizes, strict=True):
        midranks = _running_sum(size)[1:] - (size + total) / 2  # less their mean, which is (total + 1) / 2
        squares.append(np.einsum("ij,ij,ij->j", size, midranks, midranks))
        deviations.append(midranks[tie.group])
    return _ratio(np.einsum("ij,ij,ij->j", weights, *deviations), squares[0] * squares[1])


def _moments(quality: Array, scores: Array) -> Array:
    x, y = _standardised(quality), _standardised(scores)  # so that sums of squares do not cancel
    return np.stack([x, y, x * x, y * y, x * y, np.square(quality - scores)])


def _pearson_and_error(
    moments: Array, sizes: tuple[Array, Array], weights: Array, total: float
) -> tuple[Array, Array]:
    x, y, xx, yy, xy, error = np.einsum("ij,jk->ik", moments, weights) / total
    variances = [
        # However small beside a far value that is not drawn, values that differ have a variance.
        np.where(np.count_nonzero(size, axis=0) > 1, np.maximum(squares - mean**2, 0), 0)
        for size, squares, mean in zip(sizes, (xx, yy), (x, y), strict=True)
    ]
    return _ratio(xy - x * y, variances[0] * variances[1]), error


def _standardised(values: Array) -> Array:
    centred: Array = values - values.mean()
    spread = float(np.abs(centred).max())
    return centred / spread if spread > 0 else centred


@dataclass(frozen=True)
class _Pairs:
    """Pairs (lower, upper) of images whose ranks of x first differ in one binary digit."""

    lower: Indices  # images whose digit is 0, by their leading digits and then y
    upper: Indices  # images whose digit is 1
    # for each upper image, positions in `lower`: of the first image with its leading digits, of the first
    # with its y, after the last with its y, after the last with its leading digits
    bounds: tuple[Indices, Indices, Indices, Indices]


def _pairs(x: _Ties, y: _Ties) -> list[_Pairs]:
    """Return every pair of images with different x once, by the first binary digit of the ranks to differ."""
    found = []
    for digit in range(int(x.group.max()).bit_length()):
        key = (x.group >> (digit + 1)) * len(y.starts) + y.group
        is_upper = (x.group >> digit & 1).astype(bool)
        lower = np.flatnonzero(~is_upper)
        lower = lower[np.argsort(key[lower], kind="stable")]
        upper = np.flatnonzero(is_upper)
        block = key[upper] - y.group[upper]
        edges = (
            (block, "left"),
            (key[upper], "left"),
            (key[upper], "right"),
            (block + len(y.starts), "left"),
        )
        first, below, through, last = (np.searchsorted(key[lower], edge, side) for edge, side in edges)  # type: ignore[call-overload]
        found.append(_Pairs(lower, upper, (first, below, through, last)))
    return found


def _kendall(pairs: list[_Pairs], sizes: tuple[Array, Array], counts: Counts, total: float) -> Array:
    """Return tau-b (B,). Sums of counts are whole numbers below 2^24, which float32 holds exactly."""
    agreeing_less_opposed = np.zeros(counts.shape[1])
    for pair in pairs:
        drawn = _running_sum(counts[pair.lower])
        first, below, through, last = pair.bounds
        net = (drawn[below] - drawn[first]) - (drawn[last] - drawn[through])
        agreeing_less_opposed += np.einsum("ij,ij->j", counts[pair.upper], net, dtype=np.float64)
    untied = [total * (total - 1) / 2 - np.einsum("ij,ij->j", size, size - 1) / 2 for size in sizes]
    return _ratio(agreeing_less_opposed, untied[0] * untied[1])


def _running_sum(values: NDArray[Real]) -> NDArray[Real]:
    """Return the sums (N + 1, B) of the first 0, 1, ... N rows.

    Numpy's cumsum strides down the columns, and adding row by row takes N calls. So the rows are laid out as
    a square of about sqrt(N) blocks of sqrt(N) rows: summed within all blocks at once, then across blocks.
    """
    length, width = values.shape
    side = math.isqrt(length) + 1
    sums = np.zeros((side * side, width), dtype=values.dtype)
    sums[1 : length + 1] = values
    blocks = sums.reshape(side, side, width)
    for row in range(1, side):
        blocks[:, row] += blocks[:, row - 1]
    for block in range(1, side):
        blocks[block] += blocks[block - 1, -1]
    return sums[: length + 1]


def _ratio(covariance: Array, variances: Array) -> Array:
    defined = variances > 0
    ratio = np.full(len(covariance), np.nan)
    ratio[defined] = covariance[defined] / np.sqrt(variances[defined])
    return np.asarray(np.clip(ratio, -1, 1))
