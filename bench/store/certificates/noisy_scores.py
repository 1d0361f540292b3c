"""Noisy scores of a model's test images, from which certificates are computed: one Parquet file per model."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...core.errors import UserError
from ...core.files import safe_name
from ...core.integrity import Damaged
from ..cell import digest
from ..sealed_parquet import is_sealed, write_sealed_table

_METADATA = b"iqabench.certificate"
ALIKE = ("dataset", "split_digest", "pixels_digest", "limit", "model", "weights", "regime", "seed", "defence")
"""Fields of a cell that say of which images and model noisy scores are."""


@dataclass(frozen=True)
class NoisyScores:
    """Scores of a model's test images under draws of normal noise.

    Attributes:
        about: The fields `ALIKE` of a cell of the model behind `median_smoothing`, and `variant`.
        sigma: Standard deviation of the noise, in pixel units of [0, 1].
        samples: Draws whose median the smoothed model gives.
        images: (N,) names, in ascending order.
        quality: (N,) labels in [0, 1].
        scores: (N, n) scores.
    """

    about: dict[str, Any]
    sigma: float
    samples: int
    images: tuple[str, ...]
    quality: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def title(self) -> str:
        """The model and its dataset, for people."""
        variant = f", {self.about['variant']}" if self.about.get("variant") else ""
        return f"{self.about['dataset']} / {self.about['model']}{variant}, seed {self.about['seed']}"

    def write(self, store: Path) -> Path:
        """Write the file into a store, all of it or nothing, and return its path."""
        table = pa.table({"image": list(self.images), "quality": self.quality, "scores": list(self.scores)})
        facts = {"about": self.about, "sigma": self.sigma, "samples": self.samples}
        key = digest([{name: self.about[name] for name in ALIKE}, self.sigma])
        folder = store / "certificates" / safe_name(self.about["dataset"])
        path = folder / f"{safe_name(self.about['model'])}-{key}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sealed_table(table.replace_schema_metadata({_METADATA: json.dumps(facts)}), path)
        return path


def read_noisy_scores(store: Path) -> Iterator[NoisyScores]:
    """Yield what the files of a store hold, in the order of their paths.

    Raises:
        UserError: a file is damaged, or is another one.
    """
    for path in sorted((store / "certificates").rglob("*.parquet")):
        try:
            if not is_sealed(content := path.read_bytes()):
                raise Damaged("it has no checksum")
            table = pq.read_table(pa.BufferReader(content))
            facts = json.loads(table.schema.metadata[_METADATA])
            scores = np.array(table["scores"].to_pylist(), dtype=np.float64)
        except (Damaged, OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise UserError(f"{path}: cannot be used: {error}; remove it, and certify again") from None
        images, quality = tuple(table["image"].to_pylist()), table["quality"].to_numpy()
        yield NoisyScores(facts["about"], facts["sigma"], facts["samples"], images, quality, scores)
