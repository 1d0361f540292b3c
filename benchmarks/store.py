"""Times the listing of a large store, and `Results` of it, with the peak memory of each.

    python benchmarks/store.py                               # 100,000 cells of 2,000 images, 4.5 GB
    python benchmarks/store.py --cells 2000 --images 200     # a smaller store
    python benchmarks/store.py --keep STORE                  # a store to use again

The scores are drawn, no model is run. Cells under one condition on one database have the same scores under
other names, so that their metrics are computed once and kept for all of them, as a sweep keeps them. "first"
has no index of the cells; "again" comes after it. Each step is a process of its own, and its time is without
the start of Python.
"""

import itertools
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa

from iqabench.bench.core.progress import counted
from iqabench.bench.statistics.metrics import RESAMPLES
from iqabench.bench.store.cell import Cell
from iqabench.bench.store.cell_file import FORMAT, METADATA, Scores
from iqabench.bench.store.metric_cache import CellMetrics, MetricCache
from iqabench.bench.store.results import read_results
from iqabench.bench.store.sealed_parquet import write_sealed_table
from iqabench.bench.store.store import Store
from iqabench.benchmarks.report import context_of, drawn_cells, drawn_store, images_of, peak_mebibytes
from iqabench.reports.published import paper_datasets

STEPS = {
    "listing": lambda root: len(list(Store(root).cells())),
    "results": lambda root: len(read_results(root).frame),
}

Condition = tuple[str, str, float]  # dataset, attack, epsilon


@click.command()
@click.option("--cells", default=100_000, show_default=True)
@click.option("--images", default=2_000, show_default=True, help="Of each cell.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Folder of the store; used again if it is there."
)
@click.option("--step", type=click.Choice(list(STEPS)), hidden=True)
def main(cells: int, images: int, keep: Path | None, step: str | None) -> None:
    """Build a store and time what reads all of it."""
    if step and keep:
        click.echo(timed(step, keep))
        return
    with tempfile.TemporaryDirectory() as folder:
        store = drawn_store(fabricate, cells, images, keep or Path(folder) / "store")
        (store / "cache" / "cells.index").unlink(missing_ok=True)
        for name, state in itertools.product(STEPS, ("first", "again")):
            command = [sys.executable, __file__, "--keep", str(store), "--step", name]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            click.echo(f"{name} {state}: {done.stdout.strip()}")


def timed(step: str, store: Path) -> str:
    """Do a step; return what it took, as a line."""
    start, before = time.monotonic(), time.process_time()
    found = STEPS[step](store)
    wall, spent = time.monotonic() - start, time.process_time() - before
    peak = peak_mebibytes(resource.getrusage(resource.RUSAGE_SELF))
    return f"{found} cells, {wall:.1f} s, of processors {spent:.1f} s, peak memory {peak:.0f} MiB"


def fabricate(folder: Path, cells: int, images: int) -> None:
    """Write a store of drawn scores, with kept metrics."""
    store, tables = Store(folder), {}
    kept: dict[Condition, CellMetrics] = {}
    for number, cell in enumerate(counted(_wanted(cells), "cells drawn", cells)):
        condition = (cell.dataset, cell.attack, cell.epsilon)
        if condition not in tables:
            frame = _scores(condition, images)
            tables[condition] = pa.Table.from_pandas(frame, preserve_index=False)
            quality, scores = (frame[name].to_numpy(np.float64) for name in ("quality", "score"))
            kept[condition] = CellMetrics.of(Scores(tuple(frame["image"]), quality, scores), RESAMPLES)
        provenance = {
            "format": FORMAT,
            "key": cell.key,
            "cell": asdict(cell),
            "context": context_of(cell, number),
        }
        table = tables[condition].replace_schema_metadata({METADATA: json.dumps(provenance)})
        write_sealed_table(table, store.path(cell))
    cache = MetricCache(folder / "cache" / "metrics.parquet")
    for stored in counted(store.cells(), "metrics kept", cells):
        fields = stored.provenance["cell"]
        metrics = kept[fields["dataset"], fields["attack"], fields["epsilon"]]
        cache.add(stored.content, RESAMPLES, metrics)
    cache.save()
    shutil.rmtree(folder / "cache" / "cells.index", ignore_errors=True)


def _wanted(cells: int) -> Iterator[Cell]:
    return itertools.islice(drawn_cells(), cells)


def _scores(condition: Condition, images: int) -> pd.DataFrame:
    dataset, attack, epsilon = condition
    labels = np.random.default_rng([paper_datasets().index(dataset), images]).random(images).round(3)
    noise = np.random.default_rng([len(attack), round(100 * epsilon)]).normal(0, 0.15 + 0.1 * epsilon, images)
    scores = np.clip(labels + noise, 0, 1).astype(np.float32)
    return images_of(images).sort_values("image").assign(quality=labels, score=scores)


if __name__ == "__main__":
    main()
