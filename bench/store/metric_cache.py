"""The metrics of a store's cells, kept between reports so that they are computed once.

They are derived from the raw scores and can be computed again at any time: the file may be deleted, and one
that is damaged, from another version or in a folder that cannot be written is as good as none. A cell's
metrics are kept under a digest of its whole file, so a file that is replaced never has the old one's numbers.
The file has a checksum, and a store's kept values are compared with the raw scores again whenever they are
read, in a large store those of a random sample; if one of the sample is wrong, all are compared. Two cells'
intervals are computed again; if one is wrong, nothing that is kept is believed.
"""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..core.progress import progress_over
from ..core.text import plural
from ..statistics.intervals import INTERVAL_METRICS, PAPER_SPLIT, attainable, evaluate_intervals, reflected
from ..statistics.metrics import DEFINITION, METRICS, Evaluation, Measure, evaluate, point_values, srocc
from .cell_file import WORST, Scores, StoredCell, read_scores
from .listing.index import INDEXED_FROM, SAMPLE
from .sealed_parquet import read_kept_table, write_sealed_table

BAR_AFTER = 2.0  # seconds of computing after which a progress bar is shown
SAVE_EVERY = 15.0  # seconds of computing that a killed process may lose
INTERVALS_CHECKED = 2  # cells, drawn at random, whose kept intervals are computed again each time

ALL_METRICS = (*METRICS, *INTERVAL_METRICS)
"""Names of the metrics of a cell; the latter are defined for interval attacks."""

_UNDEFINED = Measure(math.nan, math.nan, math.nan)

_NUMBERS = tuple(f"{metric}{bound}" for metric in ALL_METRICS for bound in ("", "_low", "_high"))
_FIELDS = (
    ("content", pa.string()),
    ("resamples", pa.int32()),
    ("scored_on", pa.string()),
    ("n", pa.int64()),
    ("status", pa.string()),
    *((name, pa.float64()) for name in _NUMBERS),
)
_SCHEMA = pa.schema(
    [pa.field(*field, nullable=False) for field in _FIELDS], metadata={"definition": str(DEFINITION)}
)

_Key = tuple[str, int]  # content, resamples


@dataclass(frozen=True)
class CellMetrics:
    """Metrics computed from a cell's raw scores."""

    scored_on: str  # digest of the images' names and labels
    evaluation: Evaluation  # the metrics, a `Measure` for each of `ALL_METRICS`

    @classmethod
    def of(cls, scores: Scores, resamples: int) -> "CellMetrics":
        """Evaluate a cell's raw scores; without resamples, the intervals are undefined.

        An interval attack's SROCC, PLCC, MSE, KROCC and RMSE are those under score reflection, as of an
        attack with that objective; its worst case is among `INTERVAL_METRICS`.
        """
        measures = dict.fromkeys(INTERVAL_METRICS, _UNDEFINED)
        if scores.ends is not None:
            low, high = attainable(scores.score, *scores.ends)
            measures = evaluate_intervals(
                scores.quality, scores.score, low, high, worst=scores.further.get(WORST), resamples=resamples
            )
        found = evaluate(scores.quality, attacked_scores(scores), resamples=resamples)
        return cls(scores.scored_on, replace(found, measures={**found.measures, **measures}))

    def are_of(self, scores: Scores) -> bool:
        """Return whether images, labels and values are those of the raw scores.

        Compared are the values of `METRICS`, those under score reflection, and the SROCC of a realised worst
        case: all that take no search.
        """
        values, status = point_values(scores.quality, attacked_scores(scores))
        if scores.ends is None:
            values |= dict.fromkeys(INTERVAL_METRICS, math.nan)
        else:
            values |= {f"reflection_{name}": values[name] for name in ("srocc", "plcc", "mse")}
            values["paper_reflection_srocc"] = srocc(scores.quality, attacked_scores(scores, PAPER_SPLIT))
        if scores.ends is not None and WORST in scores.further:
            values["worst_srocc"] = srocc(scores.quality, scores.further[WORST])
        kept = [self.evaluation.measures[name].value for name in values]
        told = (self.scored_on, self.evaluation.n, self.evaluation.status)
        return told == (scores.scored_on, len(scores.images), status) and np.allclose(
            kept, list(values.values()), rtol=1e-9, atol=1e-12, equal_nan=True
        )

    def agree_with(self, others: "CellMetrics") -> bool:
        """Return whether values and intervals are those that another machine may have computed."""
        found = [columns_of(metrics.evaluation) for metrics in (self, others)]
        ours, theirs = ([numbers[name] for name in _NUMBERS] for numbers in found)
        return np.allclose(ours, theirs, rtol=0.02, atol=0.002, equal_nan=True)

    def without_intervals(self) -> "CellMetrics":
        """Return what is computed without resamples: the values, without intervals."""
        kept = self.evaluation.measures.items()
        measures = {name: replace(measure, low=math.nan, high=math.nan) for name, measure in kept}
        return replace(self, evaluation=replace(self.evaluation, measures=measures))


class MetricCache:
    """Metrics kept in a Parquet file that several processes may share: what one loses is computed again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._added: dict[_Key, CellMetrics] = {}
        self._saved = time.monotonic()
        self._take(read_kept_table(path, _SCHEMA))

    def get(self, content: str, resamples: int) -> CellMetrics | None:
        """Return the metrics of a cell of this content; None if they are not kept.

        Without resamples, the values kept with any number of resamples are returned.
        """
        key = content, resamples
        found = self._added.get(key) or self._at(self._rows.get(key))
        return found.without_intervals() if found and not resamples else found

    def add(self, content: str, resamples: int, metrics: CellMetrics) -> None:
        """Keep metrics; the file is written if the last time was a while ago."""
        self._added[content, resamples] = metrics
        if time.monotonic() - self._saved > SAVE_EVERY:
            self.save()

    def forget(self) -> None:
        """Take nothing that is in the file for true."""
        self._take(_SCHEMA.empty_table())
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def save(self) -> None:
        """Write what was added, and what other processes wrote since, if the file can be written."""
        if not self._added:
            return
        on_disk = read_kept_table(self._path, _SCHEMA)
        kept = pa.concat_tables([_table(self._added), self._kept, on_disk])
        keys = kept.select(["content", "resamples"]).append_column("row", pa.array(range(kept.num_rows)))
        first = keys.group_by(["content", "resamples"]).aggregate([("row", "min")])["row_min"]
        self._take(kept.take(first.sort()))
        self._added = {}
        with suppress(OSError):
            write_sealed_table(self._kept, self._path)
        self._saved = time.monotonic()

    def _take(self, kept: pa.Table) -> None:
        """Keep a table in memory, and where in it the metrics of each cell are."""
        self._kept = kept
        contents, resamples = kept["content"].to_pylist(), kept["resamples"].to_pylist()
        self._rows = {(content, 0): row for row, content in enumerate(contents)}
        self._rows |= {key: row for row, key in enumerate(zip(contents, resamples, strict=True))}
        self._facts = {name: kept[name].to_pylist() for name in ("scored_on", "n", "status")}
        self._numbers = np.column_stack([kept[name].to_numpy() for name in _NUMBERS])
        self._defined = ~np.isnan(self._numbers).reshape(len(contents), len(ALL_METRICS), 3).all(axis=2)

    def _at(self, row: int | None) -> CellMetrics | None:
        if row is None:
            return None
        numbers, defined = self._numbers[row].tolist(), self._defined[row].tolist()
        measures = {
            name: Measure(*numbers[3 * place : 3 * place + 3]) if defined[place] else _UNDEFINED
            for place, name in enumerate(ALL_METRICS)
        }
        scored_on, n, status = (self._facts[name][row] for name in ("scored_on", "n", "status"))
        return CellMetrics(scored_on, Evaluation(measures, n, status))


def cell_metrics(
    cells: Sequence[StoredCell], root: Path, resamples: int
) -> tuple[dict[Path, CellMetrics], list[tuple[Path, str]]]:
    """Return the metrics of a store's cells, from its cache or computed; without resamples, no intervals.

    Returns:
        The metrics by the cell's path, and (path, reason) of the cells whose scores cannot be used.
    """
    cache = MetricCache(root / "cache" / "metrics.parquet")

    def hold(number: int, agree: Callable[[CellMetrics, Scores], bool]) -> bool:
        """Return whether the kept metrics of cells drawn at random agree with their raw scores."""
        for cell in random.SystemRandom().sample(cells, min(number, len(cells))):
            kept = cache.get(cell.content, resamples)
            try:
                if kept and not agree(kept, read_scores(cell)):
                    return False
            except ValueError:  # damaged since it was listed, which is told where it is read again
                return False
        return True

    if resamples and not hold(
        INTERVALS_CHECKED, lambda kept, scores: kept.agree_with(CellMetrics.of(scores, resamples))
    ):
        cache.forget()
    believed = len(cells) > INDEXED_FROM and hold(SAMPLE, CellMetrics.are_of)
    found, damaged = {}, []
    with progress_over(len(cells), show=True, delay=BAR_AFTER) as progress:
        progress.doing(f"metrics of {plural(len(cells), 'cell')}")
        try:
            for cell in cells:
                try:
                    found[cell.path] = _metrics_of(cell, cache, resamples, believed=believed)
                except ValueError as error:
                    damaged.append((cell.path, str(error)))
                progress.advance(1)
        finally:
            cache.save()
    return found, damaged


def _metrics_of(cell: StoredCell, cache: MetricCache, resamples: int, *, believed: bool) -> CellMetrics:
    """Return a cell's metrics, kept or computed; a ValueError where its scores cannot be used."""
    kept = cache.get(cell.content, resamples)
    if kept is None or not believed:
        scores = read_scores(cell)
        if kept is None or not kept.are_of(scores):
            kept = CellMetrics.of(scores, resamples)
            cache.add(cell.content, resamples, kept)
    return kept


def attacked_scores(scores: Scores, split: float | None = None) -> NDArray[np.float64]:
    """Return the scores (N,) that `METRICS` are of: of attainable intervals those under score reflection."""
    if scores.ends is None:
        return scores.score
    return reflected(scores.quality, *attainable(scores.score, *scores.ends), split)


def columns_of(evaluation: Evaluation) -> dict[str, float]:
    """Return metrics as columns of a table: the value of `mse`, and the bounds `mse_low` and `mse_high`."""
    columns: dict[str, float] = {}
    for name, measure in evaluation.measures.items():
        columns |= {name: measure.value, f"{name}_low": measure.low, f"{name}_high": measure.high}
    return columns


def _table(kept: Mapping[_Key, CellMetrics]) -> pa.Table:
    rows = []
    for (content, resamples), metrics in kept.items():
        found = metrics.evaluation
        row = {"content": content, "resamples": resamples, "scored_on": metrics.scored_on}
        rows.append(row | {"n": found.n, "status": found.status} | columns_of(found))
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
