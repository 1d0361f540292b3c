"""The built-in dataset: drawn and photographed scenes, distorted as in LIVE, labelled by other metrics.

It stands in for a database so that everything can be tried without a download. Nobody rated its images, and
numbers measured on it say nothing about a real database.
"""

import hashlib
import io
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, ClassVar

import pandas as pd
from platformdirs import user_cache_path
from pydantic import Field

from ...core.errors import UserError
from ...core.files import lock_on, regular
from ...core.integrity import checksum
from ..base import COLUMNS, DatasetAdapter

LABELS, CHECKSUM = "labels.csv", "labels.checksum"


class Synthetic(DatasetAdapter):
    """Dead-leaves scenes and photographs under LIVE's five distortions at five levels, 25 images a scene.

    The dataset is made when it is first read, and kept for later runs and other processes. Scores are spread
    evenly over [0, 1]; higher is better.
    """

    stand_in: ClassVar[bool] = True
    version: ClassVar[int] = 2

    def __init__(
        self,
        root: str = "",
        scenes: Annotated[int, Field(ge=5, le=10_000)] = 60,
        size: Annotated[int, Field(ge=48, le=256)] = 96,
        seed: Annotated[int, Field(ge=0)] = 0,
        like_photographs: bool = False,
    ) -> None:
        """Say which dataset, and where to keep it.

        Args:
            root: Folder that the dataset's own folder is kept in. Default: the user's cache folder.
            scenes: Number of scenes, each with 25 images.
            size: Height of the images in pixels; they are a third wider.
            seed: Seed of everything random in the scenes and distortions.
            like_photographs: Draw scenes that are as different from one another as parts of photographs,
                distort them over the range of strengths that people rated, and label them by VIF alone.
        """
        super().__init__(root or str(user_cache_path("iqabench")), low=0.0, high=1.0)
        self.scenes = scenes
        self.size = size
        self.seed = seed
        self.like_photographs = like_photographs
        recipe = f"{self.version} {scenes} {size} {seed}" + " like photographs" * like_photographs
        self.root /= f"synthetic-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    def read(self) -> pd.DataFrame:
        """Return the table of the dataset, which is made if it is not there yet.

        Raises:
            UserError: pyiqa or scikit-image is not installed, the folder cannot be written, or images in it
                are missing.
        """
        if not self.root.exists():
            try:
                self._make()
            except OSError as error:
                raise UserError(f"{self.root}: dataset 'synthetic' cannot be written: {error}") from error
        remedy = "delete this folder, and the dataset will be made again"
        try:
            content, kept = regular(self.root / LABELS).read_bytes(), self.root / CHECKSUM
            if kept.exists() and regular(kept).read_bytes() != checksum(content).encode():
                raise ValueError("it, or its checksum, is damaged")
            types = dict.fromkeys(COLUMNS, str) | {"score": float}
            table = pd.read_csv(io.BytesIO(content), dtype=types, keep_default_na=False)[COLUMNS]
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{self.root / LABELS}: cannot be read ({error}); {remedy}") from error
        missing = [path for path in table["path"] if not (self.root / path).is_file()]
        if missing:
            raise UserError(f"{self.root}: {len(missing)} images are missing, such as {missing[0]}; {remedy}")
        return table.assign(reference="reference/" + table["scene"] + ".png")

    def _make(self) -> None:
        from .generator import generate  # with all that drawing and rating needs, for the first run only

        parent, name = self.root.parent, self.root.name
        with lock_on(parent / f".{name}.lock"):
            if self.root.exists():
                return
            for leftover in parent.glob(f".{name}-*"):
                shutil.rmtree(leftover)
            folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
            try:
                labels = generate(folder, self.scenes, self.size, self.seed, self.like_photographs)
                content = labels.to_csv(index=False, lineterminator="\n").encode()
                (folder / LABELS).write_bytes(content)
                (folder / CHECKSUM).write_text(checksum(content))
                folder.chmod(0o755)
                folder.rename(self.root)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
