"""Files of certificates: one Parquet file per model, with a checksum of all its bytes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from ...core.errors import UserError, first_line
from ...core.files import safe_name
from ...core.text import listing
from ..cell import digest
from ..sealed_parquet import read_sealed_table, write_sealed_table

Kind = TypeVar("Kind")

_METADATA = b"iqabench.certificate"
ALIKE = (
    "dataset", "split_digest", "pixels_digest", "image_size", "pixels", "limit", "model", "model_params",
    "model_version", "model_source", "weights", "regime", "seed", "defence",
)  # fmt: skip
"""Fields of a cell that say of which images and model a certificate is."""


@dataclass(frozen=True)
class Certified:
    """The part that certificates of all kinds share: it says which model and which images they are of."""

    about: dict[str, Any]  # the fields `ALIKE` of a cell of the model, and `variant`

    @property
    def title(self) -> str:
        """The model and its dataset, for people."""
        variant = f", {self.about['variant']}" if self.about.get("variant") else ""
        return f"{self.about['dataset']} / {self.about['model']}{variant}, seed {self.about['seed']}"


class Certificate(NamedTuple):
    """The content of a file."""

    table: pa.Table  # a row per image, with the columns `image` and `quality` and others
    facts: dict[str, Any]  # `about` (the fields `ALIKE` of a cell of the model, and `variant`), and others


def write_certificate(folder: Path, certificate: Certificate, *parts_of_key: Any) -> Path:
    """Write a file into a folder of a store, all of it or nothing, and return its path."""
    about = certificate.facts["about"]
    key = digest([{name: about[name] for name in ALIKE}, *parts_of_key])
    path = folder / safe_name(about["dataset"]) / f"{safe_name(about['model'])}-{key}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {_METADATA: json.dumps(certificate.facts)}
    write_sealed_table(certificate.table.replace_schema_metadata(metadata), path)
    return path


def read_certificates(folder: Path, understood: Callable[[Certificate], Kind]) -> Iterator[Kind]:
    """Yield what the files of a folder of a store hold, in the order of their paths.

    Raises:
        UserError: a file is damaged, or is another one.
    """
    for path in sorted(folder.rglob("*.parquet")):
        try:
            table = read_sealed_table(path)
            facts = json.loads(table.schema.metadata[_METADATA])
            found = understood(Certificate(table, {**facts, "about": _about(facts)}))
        except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException) as error:
            raise UserError(
                f"{path}: cannot be used: {first_line(error)}; remove it, and certify again"
            ) from None
        yield found


def _about(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that every certificate has, whatever else stands beside them."""
    about = facts["about"]
    if isinstance(about, dict) and (missing := [name for name in ALIKE if name not in about]):
        raise ValueError(f"it does not say its {listing(missing)}, as files of earlier versions do not")
    return {**{name: about[name] for name in ALIKE}, "variant": str(about.get("variant", ""))}
