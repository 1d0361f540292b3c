"""Metrics that a sweep computes on its way, kept in the store so that a report need not compute them."""

import time
from collections.abc import Mapping
from pathlib import Path

from ...statistics.metrics import RESAMPLES
from ...store.metric_cache import CellMetrics, MetricCache

EVERY = 60.0  # seconds between two savings: processes at one store save the same file


class KeptMetrics:
    """Metrics that are saved now and then in a store's folder."""

    def __init__(self, root: Path) -> None:
        self._path = root / "cache" / "metrics.parquet"
        self._waiting: dict[str, CellMetrics] = {}
        self._saved = time.monotonic()

    def add(self, metrics: Mapping[str, CellMetrics]) -> None:
        """Keep metrics by the digests of the cells' files."""
        self._waiting |= metrics
        if time.monotonic() - self._saved > EVERY:
            self.save()

    def save(self) -> None:
        """Write what waits, beside what other processes wrote."""
        cache = MetricCache(self._path)
        for content, metrics in self._waiting.items():
            cache.add(content, RESAMPLES, metrics)
        cache.save()
        self._waiting = {}
        self._saved = time.monotonic()
