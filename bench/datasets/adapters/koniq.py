"""KonIQ-10k (Hosu, Lin, Sziranyi, Saupe, 2020)."""

from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd

from ...core.errors import UserError
from .layouts import PublishedDatabase
from .tables import numbers, read_csv, with_unlabelled

SCORES = "koniq10k_scores_and_distributions.csv"
SIZES = ("1024x768", "512x384")
RATINGS = range(1, 6)  # the score table counts the people who gave each, in the columns `c1` to `c5`


class Koniq(PublishedDatabase):
    """KonIQ-10k: 10,073 photographs with authentic distortions and MOS; higher is better.

    Every image is its own scene.
    """

    # from bad to excellent, for ratings and the column `MOS`; `MOS_zscore` is on another scale and not used
    scale = (1.0, 5.0)
    label_table = "KonIQ-10k.csv"
    owner_marks: ClassVar[tuple[str, ...]] = (SCORES,)
    owner_layout = f"{SCORES} beside {' or '.join(f'{size}/' for size in SIZES)}"

    def __init__(
        self,
        root: str,
        low: float | None = None,
        high: float | None = None,
        size: Literal["1024x768", "512x384"] | None = None,
        labels: str | None = None,
    ) -> None:
        """Say where the database is; see `PublishedDatabase`.

        Args:
            size: Which copies of the images to use. Default: the larger of those that are there.
        """
        super().__init__(root, low, high, labels)
        self.size = size

    def read(self) -> pd.DataFrame:
        """Return the table as `PublishedDatabase.read` does, its paths in the folder of the chosen size."""
        table = super().read()
        folder = self._size_folder()
        paths = f"{folder}/" + table["path"].str.rsplit("/", n=1).str[-1]
        return table.assign(path=paths, scene=paths)

    def read_owner(self, folder: Path) -> pd.DataFrame:
        """Return the images of the score table, and any other in the folder, which then has no score."""
        rows = read_csv(folder / SCORES, ["image_name", "MOS"])
        counts = {f"opinions_{n}": numbers(rows[f"c{n}"]) for n in RATINGS if f"c{n}" in rows}
        size = self._size_folder()
        paths, mos = f"{size}/" + rows["image_name"], numbers(rows["MOS"])
        table = pd.DataFrame(
            {"path": paths, "score": mos, "scene": paths, "distortion": "Authentic", **counts}
        )
        return with_unlabelled(table, folder, size)

    def _size_folder(self) -> str:
        sizes = [self.size] if self.size else SIZES
        for size in sizes:
            if (self.root / size).is_dir():
                return size
        raise UserError(f"{self.root}: no folder {' or '.join(sizes)} with the images in it")
