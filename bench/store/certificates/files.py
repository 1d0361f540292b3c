"""Files of certificates: one Parquet file per model, with a checksum of all its bytes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...core.errors import UserError, first_line
from ...core.files import safe_name
from ..cell import digest
from ..sealed_parquet import read_sealed_table, write_sealed_table

_METADATA = b"iqabench.certificate"
ALIKE = (
    "dataset", "split_digest", "pixels_digest", "image_size", "pixels", "limit", "model", "model_params",
    "model_version", "model_source", "weights", "regime", "seed", "defence",
)  # fmt: skip
"""Fields of a cell that say of which images and model a certificate is."""


@dataclass(frozen=True)
class Certificate:
    """The content of a file, which is in a folder of its kind: facts, and arrays with a row per image."""

    folder: ClassVar[str]  # of a store
    facts: ClassVar[dict[str, Callable[[Any], Any]]]  # their types; the first is part of a file's name

    about: dict[str, Any]  # the fields `ALIKE` of a cell of the model, and `variant`
    images: tuple[str, ...]  # (N,) names, in ascending order
    quality: NDArray[np.float64]  # (N,) labels in [0, 1]

    @property
    def title(self) -> str:
        """The model and its dataset, for people."""
        variant = f", {self.about['variant']}" if self.about["variant"] else ""
        return f"{self.about['dataset']} / {self.about['model']}{variant}, seed {self.about['seed']}"

    def write(self, store: Path) -> Path:
        """Write the file into a store, all of it or nothing, and return its path."""
        values = vars(self)
        facts = {name: values[name] for name in ("about", *self.facts)}
        arrays = {name: list(value) for name, value in values.items() if name not in (*facts, "images")}
        table = pa.table({"image": list(self.images), **arrays})
        key = digest([{name: self.about[name] for name in ALIKE}, values[next(iter(self.facts))]])
        folder = store / self.folder / safe_name(self.about["dataset"])
        path = folder / f"{safe_name(self.about['model'])}-{key}.parquet"
        write_sealed_table(table.replace_schema_metadata({_METADATA: json.dumps(facts)}), path)
        return path

    @classmethod
    def read(cls, store: Path) -> Iterator[Self]:
        """Yield what the files of this kind in a store hold, in the order of their paths.

        Raises:
            UserError: a file is damaged, or is another one.
        """
        for path in sorted((store / cls.folder).rglob("*.parquet")):
            try:
                table = read_sealed_table(path)
                facts = json.loads(table.schema.metadata[_METADATA])
                arrays = {name: np.array(table[name].to_pylist(), float) for name in table.column_names[1:]}
                found = cls(
                    about={name: facts["about"][name] for name in (*ALIKE, "variant")},
                    images=tuple(table["image"].to_pylist()),
                    **{name: kind(facts[name]) for name, kind in cls.facts.items()},
                    **arrays,
                )
            except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException) as error:
                raise UserError(
                    f"{path}: cannot be used: {first_line(error)}; remove it, and certify again"
                ) from None
            yield found
