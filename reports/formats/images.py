"""Renders `images.html`: what attacks did to each image, from the PNG files of `iqabench run --save-images`.

The files lie in the folder `images` beside the page, which loads one when it is looked at.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2.utils import htmlsafe_json_dumps

from ...bench.core.files import regular, write_text
from ...bench.store.condition import attack_phrase, set_apart
from ...bench.store.sealed_parquet import read_unthreaded
from ..catalogue import attack_name, dataset_name, model_name
from .templating import environment, inline_script

FOLDER = "images"  # name of the folder beside the report that `--save-images` is given

_FILE = r"(?:low|high|adversarial)/[\w.+-]+\.png"
_DIGITS = 5
_COLUMNS = ["image", "end", "file", "clean", "score_png", "cell"]
_TEXTS = dict.fromkeys(("image", "end", "file", "cell"), str)  # keys of digits only are no numbers


def write_images(results: pd.DataFrame, root: Path, out: Path) -> Path | None:
    """Write `images.html` beside a report, where `out/images` has images of its cells; else None."""
    cells = list(_cells(results, out / FOLDER))
    if not cells:
        return None
    path = out / "images.html"
    write_text(path, render_images(cells, _facts(results, root, {cell["dataset"] for cell in cells})))
    return path


def render_images(cells: list[dict[str, Any]], facts: dict[str, dict[str, list[Any]]]) -> str:
    """Return the page as text, given cells as `_cells` yields them, and facts of each dataset's images."""
    known = {"cells": cells, "facts": facts}
    return (
        environment(__package__, autoescape=True)
        .get_template("images.html.j2")
        .render(
            known=htmlsafe_json_dumps(known, separators=(",", ":"), ensure_ascii=False),
            **inline_script(__package__, "element.js", "images.js"),
        )
    )


def _cells(results: pd.DataFrame, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what is shown of each cell that has its images; a folder with other files is passed over."""
    known = {row["key"]: row for row in results.to_dict("records")}
    for path in sorted(folder.glob("*/*/*/scores.csv")):
        try:
            table = pd.read_csv(regular(path), dtype=_TEXTS, keep_default_na=False)[_COLUMNS]
            keys = table["cell"].unique()
            numbers = table[["clean", "score_png"]].astype(float)
        except (OSError, ValueError, KeyError):
            continue
        if len(keys) != 1 or keys[0] not in known or not _stays_inside(table):
            continue
        row, images = known[keys[0]], table.assign(**numbers)
        ends = {
            end: dict(zip(rows["image"], rows["score_png"].round(_DIGITS), strict=True))
            for end, rows in images.groupby("end")
        }
        first = images.drop_duplicates("image")
        yield {
            "dataset": dataset_name(row["dataset"]),
            "model": _model(row),
            "attack": attack_phrase(row["attack"], row["epsilon"], attack_name),
            "folder": quote(path.parent.relative_to(folder.parent).as_posix()),
            "files": dict(zip(first["image"], first["file"].str.partition("/")[2].map(quote), strict=True)),
            "clean": dict(zip(first["image"], first["clean"].round(_DIGITS), strict=True)),
            "ends": ends,
        }


def _model(row: Mapping[Any, Any]) -> str:
    """Return the name of a cell's model, which no other cell of its attack has."""
    apart = set_apart(row["variant"], row["regime"], row["seed"], row["knowledge"])
    return " ".join([model_name(row["model"]), *apart])


def _stays_inside(table: pd.DataFrame) -> bool:
    """Return whether each file is a picture in the folder of its end."""
    file = table["file"].astype(str)
    return bool((file.str.fullmatch(_FILE) & (file.str.partition("/")[0] == table["end"])).all())


def _facts(results: pd.DataFrame, root: Path, datasets: set[str]) -> dict[str, dict[str, list[Any]]]:
    """Return, for each dataset, the distortion and the label of each image; None where it has none."""
    facts: dict[str, dict[str, list[Any]]] = {dataset: {} for dataset in datasets}
    for (name, _), rows in results.groupby(["dataset", "n"], sort=False):
        if (dataset := dataset_name(str(name))) in facts:
            columns = read_unthreaded(root / rows["file"].iloc[0], ["image", "distortion", "quality"])
            table = columns.to_pandas(use_threads=False)
            for image, distortion, quality in table.itertuples(index=False):
                label = None if math.isnan(quality) else round(float(quality), _DIGITS)
                facts[dataset][image] = [str(distortion or ""), label]
    return facts
