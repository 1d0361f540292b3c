"""Per-image scores that others measured, as a CSV file: a generic form, and MSU's result files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import UserError
from ...core.files import csv_rows
from ...core.text import listing, plural

ALIASES = {
    "image": ("image_name",),
    "dataset": ("test_dataset",),
    "clean": ("clear",),
    "adversarial": ("attacked",),
    "label": ("mos",),
    "psnr": ("psnr_clear_attacked",),
    "ssim": ("ssim_clear_attacked",),
    "l_inf": ("l_inf_clear_attacked",),
}
"""Other names of columns: those of the result files of MSU's robustness and defences benchmarks."""

TEXTS = ("image", "dataset", "attack")
NUMBERS = ("clean", "adversarial", "low", "high", "epsilon", "l_inf", "psnr", "ssim", "label")
"""Columns that are read: texts, and numbers."""

_ENDS = {"psnr": (0, np.inf), "ssim": (-1, 1), "l_inf": (0, 1), "epsilon": (0, 255)}
"""Values that a column may have, from the first to the second; PSNR is infinite where nothing moved."""

_LARGEST = np.finfo(float).max
_ROUNDING = 1e-6  # of scores as they are printed in a file
_GROUP = ["dataset", "attack", "epsilon"]
RMSE = " (RMSE)"
"""Ends the name of an attack whose epsilon is not known, and for which a root mean squared error stands."""


@dataclass(frozen=True)
class Scale:
    """The ends of a scale; the worst may be above the best."""

    worst: float
    best: float

    def mapped(self, values: pd.Series) -> pd.Series:
        """Return values mapped so that the worst is 0 and the best is 1; those beyond are not clipped."""
        return (values - self.worst) / (self.best - self.worst)


def read_outside(
    path: Path,
    *,
    scores: Scale,
    labels: Scale | None = None,
    dataset: str | None = None,
    attack: str | None = None,
    epsilon: float | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Read a CSV file of scores that others measured.

    Args:
        path: A file with the columns `image`, `clean`, and either `adversarial` or both `low` and `high`; and
            any of `attack`, `epsilon` (in units of 1/255), `psnr`, `ssim`, `label`, `dataset`; or with the
            names of `ALIASES`. Other columns are not read.
        scores: Scale of the scores.
        labels: Scale of the labels, where there is a column of them.
        dataset: Name of the dataset, where there is no column.
        attack: Likewise of the attack.
        epsilon: Likewise, in units of 1/255.

    Returns:
        A row per dataset, attack, epsilon and image, with `low` and `high` the ends of what was reached, and
        `clean`, `quality` (NaN without labels), `psnr` and `ssim` where there are any; scores are in units of
        their scale. And what is odd about the file, in sentences.

    Raises:
        UserError: the file is not such a table; names the line and the column.
    """
    heading, rows = csv_rows(path)
    table = pd.DataFrame(list(rows.values()), index=list(rows), columns=heading, dtype=str)
    table = _named(table, path)
    given = {"dataset": dataset, "attack": attack, "epsilon": epsilon}
    for name, value in given.items():
        if value is not None and name in table:
            raise UserError(f"{path}: has a column {name!r}: leave out --{name}, or remove the column")
        if value is not None:
            table[name] = value
    _require(table, heading, path)
    for name in (name for name in NUMBERS if name in table):
        table[name] = _numbers(table, name, path)
    notes: list[str] = []
    table = _with_strength(table, path, notes)
    table["quality"] = _quality(table, labels, path)
    table = table.rename(columns={"adversarial": "low"}) if "adversarial" in table else table
    table["high"] = table.get("high", table["low"])
    for name in ("clean", "low", "high"):
        table[name] = scores.mapped(table[name])
    table[["low", "high"]] = np.sort(table[["low", "high"]].to_numpy(), axis=1)
    outside = table[(table["clean"] < 0) | (table["clean"] > 1)]
    if len(outside):
        raise UserError(
            f"{path}: {plural(len(outside), 'clean score')} lie outside the scale from {scores.worst:g} to "
            f"{scores.best:g}, such as that of {outside['image'].iloc[0]}: give the metric's own by "
            "`--scores WORST,BEST`"
        )
    notes += _repeated(table)
    table = table.drop_duplicates([*_GROUP, "image"], ignore_index=True)
    notes += _alike(table)
    notes += _several(table)
    kept = ["image", *_GROUP, "clean", "low", "high", "quality"]
    return table[[*kept, *(name for name in ("psnr", "ssim") if name in table)]], notes


def _named(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    names = {other: name for name, others in ALIASES.items() for other in others}
    renamed = table.rename(columns=lambda column: names.get(str(column).strip(), str(column).strip()))
    known = renamed[[column for column in renamed if column in (*TEXTS, *NUMBERS)]]
    twice = known.columns[known.columns.duplicated()]
    if len(twice):
        raise UserError(f"{path}: two columns stand for {twice[0]!r}; remove one")
    return known


def _require(table: pd.DataFrame, heading: list[str], path: Path) -> None:
    missing = [name for name in ("image", "clean", "dataset", "attack") if name not in table]
    if "adversarial" not in table and not {"low", "high"} <= {*table}:
        missing.append("adversarial (or low and high)")
    if {"adversarial", "low"} <= {*table}:
        raise UserError(f"{path}: has both 'adversarial' and 'low': an image has one attacked score, or two")
    if missing:
        options = [f"--{name}" for name in ("dataset", "attack") if name in missing]
        advice = f"; {listing(options)} gives what all rows share" if options else ""
        raise UserError(
            f"{path}: lacks the columns {', '.join(missing)}; its first line names "
            f"{', '.join(heading)}{advice}"
        )
    if table.empty:
        raise UserError(f"{path}: holds no image")
    for name in TEXTS:
        empty = table.index[table[name] == ""]
        if len(empty):
            raise UserError(f"{path}: line {empty[0]}: column {name!r} is empty")


def _numbers(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    numbers = pd.to_numeric(table[name], errors="coerce")
    low, high = _ENDS.get(name, (-_LARGEST, _LARGEST))
    for wrong, fault in (
        (~(np.isfinite(numbers) | (numbers == high)), "is not a number"),
        ((numbers < low) | (numbers > high), f"is not from {low} to {high}"),
    ):
        broken = table.index[wrong]
        if len(broken):
            found = str(table[name].loc[broken[0]])
            raise UserError(f"{path}: line {broken[0]}: column {name!r}: {found!r} {fault}")
    return numbers.astype(float)


def _with_strength(table: pd.DataFrame, path: Path, notes: list[str]) -> pd.DataFrame:
    """Return the table with `epsilon`: its own, the largest change that it tells, or what PSNR allows."""
    if "epsilon" in table:
        if (table["epsilon"] == 0).any():
            raise UserError(f"{path}: epsilon 0: accepted is a number above 0, up to 255, in units of 1/255")
        return table
    groups = table.groupby(["dataset", "attack"])
    if "l_inf" in table:
        largest = 255 * groups["l_inf"].transform("max")
        if (largest == 0).any():
            raise UserError(
                f"{path}: no image of {table['attack'][largest == 0].iloc[0]} moved, by the column 'l_inf'; "
                "leave such rows out"
            )
        return table.assign(epsilon=largest.round(2).clip(lower=0.01))
    if "psnr" in table:
        medians = groups["psnr"].transform("median")
        if np.isinf(medians).any():
            raise UserError(
                f"{path}: most images of {table['attack'][np.isinf(medians)].iloc[0]} have an infinite psnr, "
                "which tells no epsilon; give it by --epsilon"
            )
        errors = 255 * 10 ** (-medians / 20)
        notes.append(
            "The file tells no epsilon. In its place stands the root mean squared error of the median PSNR, "
            "in units of 1/255, which is below the largest change of a pixel; the attacks' names say so."
        )
        return table.assign(epsilon=errors.round(2).clip(lower=0.01), attack=table["attack"] + RMSE)
    raise UserError(f"{path}: tells neither epsilon nor psnr; --epsilon gives what all rows share")


def _quality(table: pd.DataFrame, labels: Scale | None, path: Path) -> pd.Series:
    if "label" not in table:
        return pd.Series(np.nan, table.index)
    if labels is None:
        raise UserError(f"{path}: has labels: give the ends of their scale by `--labels WORST,BEST`")
    quality = labels.mapped(table["label"])
    outside = table.index[(quality < 0) | (quality > 1)]
    if len(outside):
        raise UserError(
            f"{path}: line {outside[0]}: label {table['label'].loc[outside[0]]:g} is outside the scale "
            f"from {labels.worst:g} to {labels.best:g}"
        )
    return quality


def _repeated(table: pd.DataFrame) -> Iterator[str]:
    """Yield a note on images that are there more than once with one dataset, attack and epsilon."""
    again = table.duplicated([*_GROUP, "image"])
    if not again.any():
        return
    groups = table.groupby([*_GROUP, "image"])[["clean", "low", "high"]]
    spread = float((groups.max() - groups.min()).to_numpy().max())
    images = table.loc[again, ["dataset", "image"]].drop_duplicates()
    differ = f"; its rows differ by up to {spread:.3g} of the scale" if spread else ""
    yield (
        f"{plural(int(again.sum()), 'row')} of {plural(len(images), 'image')} ({_some(images['image'])}) "
        f"{'is' if again.sum() == 1 else 'are'} there more than once: each image counts once, by its first "
        f"row{differ}."
    )


def _alike(table: pd.DataFrame) -> Iterator[str]:
    """Yield a note on images of different names whose scores are the same to the last digit."""
    columns = [*_GROUP, "clean", "low", "high"]
    same = table[table.duplicated(columns, keep=False)]
    same = same[(same["low"] != same["clean"]) | (same["high"] != same["clean"])]
    if len(same):
        names = same.groupby(columns, sort=False)["image"].first()
        copies = len(same) - len(names)
        yield (
            f"{plural(copies, 'image')} {'has' if copies == 1 else 'have'} the scores of another name to the "
            f"last digit ({_some(same['image'])}): perhaps one picture under several names. All are counted."
        )


def _several(table: pd.DataFrame) -> Iterator[str]:
    """Yield a note where an image has several clean scores or labels, as one for each attack."""
    for column, what in (("clean", "clean scores"), ("quality", "labels")):
        of_images = table.groupby(["dataset", "image"], sort=False)[column]
        spread = (of_images.max() - of_images.min()).loc[lambda found: found > _ROUNDING]
        if len(spread):
            names = spread.index.get_level_values("image")
            yield (
                f"{plural(len(spread), 'image')} ({_some(names)}) {'has' if len(spread) == 1 else 'have'} "
                f"several {what}, up to {spread.max():.3g} of the scale apart: without attack the first row "
                "counts, under an attack that of the attack."
            )


def _some(names: Iterable[str]) -> str:
    shown = list(dict.fromkeys(names))
    return ", ".join([*shown[:3], *(["..."] if len(shown) > 3 else [])])
