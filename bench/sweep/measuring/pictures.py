"""Adversarial images as PNG files, with their scores before and after rounding to 8 bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn

from ....attacks.tools.balls import LEVELS, Ball
from ...core.errors import UserError
from ...core.files import naming, regular, replacing, safe_name, write_text
from ...datasets.pixels import to_float
from ...store.cell import Cell
from ...store.condition import set_apart
from .scoring import mean_scores

SCORES = "scores.csv"
CELL = ".cell"  # the file that names the cell whose images are being written


@dataclass(frozen=True)
class Pictures:
    """The files of one cell: `clean/NAME.png` and `END/NAME.png`, and `scores.csv` once all are there.

    Cells of other parameters, weights or images may have the same folder; the last one is in it.
    """

    folder: Path  # `ROOT/DATASET/MODEL/ATTACK-EPSILON`
    key: str  # of the cell, in every row of `scores.csv`
    images: tuple[str, ...]  # their names

    @classmethod
    def of(cls, cell: Cell, root: Path, images: Sequence[str]) -> "Pictures":
        """Return the pictures of a cell under a folder."""
        apart = set_apart(cell.variant, cell.regime, cell.seed, cell.knowledge)
        parts = (cell.dataset, " ".join([cell.model, *apart]), f"{cell.attack}-{cell.epsilon:g}")
        return cls(root.joinpath(*map(safe_name, parts)), cell.key, tuple(images))

    def complete(self) -> bool:
        """Return whether all files of the cell are there."""
        try:
            return set(pd.read_csv(regular(self.folder / SCORES), dtype={"cell": str})["cell"]) == {self.key}
        except (OSError, ValueError, KeyError):
            return False

    def begun(self) -> bool:
        """Return whether the images that are there so far are this cell's."""
        try:
            return regular(self.folder / CELL).read_text(encoding="utf-8") == self.key
        except (OSError, UnicodeDecodeError):
            return False

    def begin(self) -> None:
        """Say whose images are going to be in the folder; those that are there are no longer complete."""
        (self.folder / SCORES).unlink(missing_ok=True)
        write_text(self.folder / CELL, self.key)

    def save(
        self, model: nn.Module, start: int, images: Tensor, ends: Mapping[str, Tensor], ball: Ball, draws: int
    ) -> dict[str, np.ndarray]:
        """Write the images from number `start` on, rounded inside the ball where it holds a grey level.

        Originals and adversarial images are (N, 3, H, W), the latter by end: `low` and `high`, or
        `adversarial`. Returns the model's scores (N,) of the images in the files, means over so many draws,
        by column: `clean`, and for each end `END_png`.
        """
        scores = {"clean": mean_scores(model, images, draws)[0]}
        names = picture_names(self.images)[start : start + len(images)]
        self._write("clean", names, _levels(images))
        for end, adversarial in ends.items():
            levels = _levels(ball.eight_bit(adversarial))
            scores[f"{end}_png"] = mean_scores(model, to_float(levels, images.device), draws)[0]
            self._write(end, names, levels)
        return scores

    def _write(self, end: str, names: Sequence[str], levels: Tensor) -> None:
        (self.folder / end).mkdir(parents=True, exist_ok=True)
        for name, picture in zip(names, levels.permute(0, 2, 3, 1).cpu().numpy(), strict=True):
            with naming(self.folder / end / name):
                Image.fromarray(picture).save(self.folder / end / name)

    def finish(self, columns: Mapping[str, np.ndarray]) -> float:
        """Write `scores.csv` from the columns (N,) of the cell and of `save`.

        Returns the share of the mean change of scores that rounding leaves; NaN where no score changed.

        Raises:
            UserError: another sweep has begun to write its images into the folder.
        """
        if not self.begun():
            raise UserError(
                f"{self.folder}: another sweep wrote its images there meanwhile; run the command again, with "
                "another folder for --save-images"
            )
        before = {"low": "low", "high": "high"} if "low" in columns else {"adversarial": "score"}
        table = pd.concat(
            pd.DataFrame(
                {
                    "image": self.images,
                    "end": end,
                    "file": [f"{end}/{name}" for name in picture_names(self.images)],
                    "clean": columns["clean"],
                    "score": columns[column],
                    "score_png": columns[f"{end}_png"],
                    "cell": self.key,
                }
            )
            for end, column in before.items()
        )
        with replacing(self.folder / SCORES) as temporary:
            table.to_csv(temporary, index=False)
        changed = (table["score"] - table["clean"]).abs().mean()
        kept = (table["score_png"] - table["clean"]).abs().mean()
        return float(kept / changed) if changed > 0 else float("nan")


def _levels(images: Tensor) -> Tensor:
    """Return grey levels (N, 3, H, W), uint8, of images in [0, 1]."""
    return (images * LEVELS).round().to(torch.uint8)


def picture_names(images: Sequence[str]) -> list[str]:
    """Return a file name for each image, none of them twice: its path, with `_` for forbidden characters."""
    names = [safe_name(str(Path(image).with_suffix(""))) for image in images]
    alike = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    numbered = [f"{name}-{place}" for place, name in enumerate(names, start=1)]
    found = [number if name in alike else name for number, name in zip(numbered, names, strict=True)]
    # A number may make a name that another image has.
    return [f"{name}.png" for name in (found if len(set(found)) == len(found) else numbered)]
