"""Table 3: how many images and types of distortion the databases have, by the paper and by the store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import ArrowException

from ....bench.core.files import safe_name
from ....bench.core.text import NOT_RUN
from ....bench.statistics.metrics import OK
from ....bench.store.sealed_parquet import read_unthreaded
from ...catalogue import dataset_name, ordered
from ...published import paper_numbers
from .. import wording
from ..selection import Selection
from ..table import Block, Cell, Group, Label, Row, Table

_COLUMNS = {"images": "Images", "types": "Types of distortion", "tested": "Test images"}
_NO_TYPES = ({"Authentic"}, {"unknown"})  # where a database's distortions were not made, or are not told


def build(selection: Selection) -> Iterator[Table]:
    """Yield the table: the paper's databases, then the store's others."""
    results, root = selection.results.frame, selection.root
    listed = [dataset for dataset, *_, metric in paper_numbers() if metric == "images"]
    others = ordered("dataset", set(results["dataset"]) - set(listed))
    stand_ins = set(results.loc[results["stand_in"].astype(bool), "dataset"])
    rows = []
    for dataset in (*listed, *others):
        cells = results[results["dataset"] == dataset]
        here = cells["measured_by"] == ""  # scores from elsewhere may be of other images of the database
        cells = cells[here] if here.any() else cells
        whole = cells[cells["limit"].isna()].sort_values("created", kind="stable", na_position="first")
        counts = {"images": None, "types": None, "tested": None if cells.empty else int(cells["n"].max())}
        if root is not None and not whole.empty:
            newest = whole.iloc[-1]
            counts |= {"images": _images(newest, root), "types": _types(newest, root)}
        stand_in = dataset in stand_ins
        found = tuple(_cell(dataset, metric, count, stand_in) for metric, count in counts.items())
        rows.append(Row(Label(dataset_name(dataset), stand_in), (found,)))
    yield Table(
        number="3",
        title="The databases",
        caption=wording.caption(
            wording.DATABASES, wording.stand_ins(name for name in (*listed, *others) if name in stand_ins)
        ),
        heading="Database",
        groups=(Group.of(_COLUMNS.values(), "descending"),),
        blocks=(Block(tuple(rows)),),
    )


def _cell(dataset: str, metric: str, count: int | None, stand_in: bool) -> Cell:
    text = NOT_RUN if count is None else f"{count:,}"
    if metric == "tested":
        return Cell(text, "text")
    record: dict[str, Any] = {
        "dataset": dataset, "model": "", "attack": "none", "epsilon": 0.0, "variant": "", "setting": "",
        "metric": metric, "measured": count, "seeds": 0, "stand_in": stand_in,
        "status": "not known" if count is None else OK,
    }  # fmt: skip
    published = None if stand_in else paper_numbers().get((dataset, "", "none", 0.0, "", metric))
    if published is None:
        return Cell(text, "text", records=(record,))
    record |= {"published": int(published), "published_on": dataset}
    line = wording.published("", [f"{int(published):,}"])
    if count is not None:
        gap = count - int(published)
        record["difference"] = gap
        line += f" ({gap:+,})".replace("-", "−")
    return Cell(text, "text", (line,), records=(record,))


def _images(newest: "pd.Series[Any]", root: Path) -> int | None:
    """Return the rows of the newest cell's split, if its test side is what was scored."""
    file = root / "splits" / f"{safe_name(newest['dataset'])}-seed{newest['split_seed']}.csv"
    try:
        sides = pd.read_csv(file, dtype=str, usecols=["split"])["split"]
    except (OSError, ValueError):
        return None
    return len(sides) if (sides == "test").sum() == newest["n"] else None


def _types(newest: "pd.Series[Any]", root: Path) -> int | None:
    """Return the types of distortion among the images of the newest cell."""
    try:
        column = read_unthreaded(root / newest["file"], ["distortion"])["distortion"]
    except (ArrowException, OSError, KeyError):
        return None
    types = set(column.to_pylist())
    return None if types in _NO_TYPES else len(types)
