"""Which image is for training and which for testing: drawn by scene, saved, and reused by every run.

The paper divides 4:1 at random, keeps the division for all experiments, and lets no source scene appear on
both sides (Section 5.1), since a model that has seen a scene has an easier test.
"""

import posixpath
import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from ..core.errors import UserError
from ..core.files import regular, write_text

SIDES = ("train", "test")
PARTS = 5  # one part in this many is for testing


def split_by_scene(table: pd.DataFrame, seed: int) -> pd.Series:
    """Draw a division, `train` or `test` by the table's index, in which every scene is whole.

    Scenes are visited in an order drawn from the seed; each goes to the test side if that brings its share of
    *images* nearer to the wanted one. Searching for the subset that comes nearest of all would favour scenes
    of a fitting size: of LIVE's 29, only those with exactly 26 images would ever be tested. There is at least
    one scene on either side, and the order of the rows does not matter.

    Raises:
        UserError: There are fewer than two scenes.
    """
    sizes = table["scene"].value_counts().sort_index()
    if len(sizes) < 2:
        raise UserError(
            f"no split into training and test: the images are of {len(sizes)} scene, at least 2 are needed; "
            "for models that bring their weights, `test` in a column `split` makes all images test images"
        )
    drawn = np.random.Generator(np.random.PCG64(seed)).permutation(len(sizes))
    tested: list[int] = []
    taken = 0
    for place in drawn:
        size = int(sizes.iloc[place])
        if abs(PARTS * (taken + size) - len(table)) < abs(PARTS * taken - len(table)):
            tested.append(place)
            taken += size
    if not tested:
        tested = [min(drawn, key=lambda place: sizes.iloc[place])]
    sides = np.where(table["scene"].isin(sizes.index[tested]), "test", "train")
    return pd.Series(sides, index=table.index, name="split")


def in_one_spelling(scenes: pd.Series) -> pd.Series:
    """Return the scenes (N,), with one name for those whose names differ only in the way they are written.

    Case, normal forms of Unicode, kinds and number of blanks, characters without width, and zeros around a
    whole number do not make another scene, or one scene could stand on both sides of a division.
    """
    spellings = scenes.map(_spelling)
    if spellings.nunique() == scenes.nunique(dropna=False):
        return scenes
    first = dict(zip(spellings[::-1], scenes[::-1], strict=True))
    return spellings.map(first)


def _spelling(name: object) -> str:
    seen = "".join(letter for letter in str(name) if unicodedata.category(letter) != "Cf")
    text = " ".join(unicodedata.normalize("NFC", seen).casefold().split())
    number = re.fullmatch(r"0*(\d+)(?:\.0*)?", text)
    return number[1] if number else text


def with_test_list(table: pd.DataFrame, file: Path | None) -> pd.DataFrame:
    """Return the table divided as a file says: the images that it names are for testing, all others not.

    A line is a path as in the table, also with backslashes between folders, or the file's name where no two
    images share it. Empty lines and those that begin with `#` do not count. Without a file the table is
    returned as it is.

    Raises:
        UserError: the file cannot be read, names no image, or has a name that no image or several images
            have.
    """
    if file is None:
        return table
    try:
        lines = [line.strip() for line in regular(file).read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a readable list of test images: {error}") from error
    names = [line for line in lines if line and not line.startswith("#")]
    by_name = table.groupby(table["path"].str.rsplit("/", n=1).str[-1])["path"].agg(list).to_dict()
    known = {**by_name, **{path: [path] for path in table["path"]}}
    names = [name if name in known else posixpath.normpath(name.replace("\\", "/")) for name in names]
    for name in names:
        if len(known.get(name, ())) != 1:
            found = "is not an image of the dataset" if name not in known else "is the name of several images"
            raise UserError(f"{file}: {name!r} {found}; give a path such as {table['path'].iloc[0]!r}")
    if not names:
        raise UserError(f"{file}: names no image")
    chosen = table["path"].isin({known[name][0] for name in names})
    return table.assign(split=np.where(chosen, "test", "train"))


def find_split(table: pd.DataFrame, seed: int, file: Path) -> pd.Series:
    """Return the division in force: the table's own, else the saved one, else one drawn from the seed.

    Nothing is written here.

    Raises:
        UserError: The table's own or the saved division does not fit the images, names something else than
            `train` and `test`, or has a scene on both sides.
    """
    if "split" in table:
        return check_sides(table, table["split"], source="the dataset's column 'split'")
    if file.exists():
        return check_sides(table, _saved(table, file), source=str(file))
    return split_by_scene(table, seed)


def load_or_make_split(table: pd.DataFrame, seed: int, file: Path) -> pd.Series:
    """Return the division of `find_split`; one that was drawn is saved as a CSV with `path,scene,split`.

    Raises:
        UserError: As `find_split`, or the file cannot be written.
    """
    split = find_split(table, seed, file)
    if "split" not in table and not file.exists():
        rows = table[["path", "scene"]].assign(split=split).to_csv(index=False, lineterminator="\n")
        try:
            write_text(file, rows)
        except OSError as error:
            raise UserError(f"{file}: the split cannot be saved: {error.strerror}") from error
    return split


def _saved(table: pd.DataFrame, file: Path) -> pd.Series:
    try:
        if not file.is_file():
            raise ValueError("not a regular file")
        rows = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
        sides = dict(zip(rows["path"], rows["split"], strict=True))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{file}: not a saved split, a CSV with columns path,scene,split: {error}; "
            "restore the file, or delete it to draw a new split"
        ) from error
    added = sorted(set(table["path"]) - set(sides))
    gone = sorted(set(sides) - set(table["path"]))
    if added or gone:
        difference = [
            f"{len(paths)} {which} (first: {', '.join(paths[:3])})"
            for paths, which in [(gone, "only in the file"), (added, "only in the dataset")]
            if paths
        ]
        raise UserError(
            f"{file}: the saved split is of other images: {'; '.join(difference)}. Restore the images, or "
            "delete the file to draw a new split, whose results will not be comparable with the old one's"
        )
    return table["path"].map(sides)


def check_sides(table: pd.DataFrame, split: pd.Series, *, source: str) -> pd.Series:
    """Return a division, unless it is no division of whole scenes into `train` and `test`: a UserError."""
    strange = table.loc[~split.isin(SIDES), "path"]
    if not strange.empty:
        raise UserError(
            f"{source}: image {strange.iloc[0]} is neither 'train' nor 'test' but "
            f"{split[strange.index[0]]!r}{f', and {len(strange) - 1} more' * (len(strange) > 1)}; correct it"
        )
    if not (split == "test").any():
        raise UserError(f"{source}: no image is for testing; name some of them 'test'")
    sides = split.groupby(table["scene"]).nunique()
    both = sides.index[sides > 1]
    if len(both):
        images = table.loc[table["scene"] == both[0]].groupby(split)["path"].first()
        raise UserError(
            f"{source}: scene {both[0]!r} is in both training ({images['train']}) and test ({images['test']})"
            f"{f', and so are {len(both) - 1} more' * (len(both) > 1)}; a scene must be wholly on one side: "
            "correct it, or delete it to draw a new split"
        )
    return split
