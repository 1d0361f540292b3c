"""A cell's Parquet file: what it must hold, and what is wrong with one that does not."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ..core.parameters import accepted

FORMAT = 1
COLUMNS = ("image", "scene", "distortion", "quality", "score")
METADATA = b"iqabench"

_STRANGER = "a Parquet file, but not a cell written by iqabench; move it out of the store"
_COMPUTE_AGAIN = "remove the file, and `iqabench run` computes it again"

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _CellFields(_Checked):
    """Types of the fields of `cells.Cell`, here without its defaults: a lost `attack` is not `none`."""

    dataset: str
    dataset_digest: str
    pixels_digest: str
    split_seed: Whole
    split_digest: str
    image_size: Whole
    limit: Whole | None
    model: str
    variant: str = ""  # which the first cells do not have
    model_params: dict[str, JsonValue]
    model_source: str | None
    weights: str
    regime: str
    seed: Whole
    batch_size: Whole | None
    attack: str
    attack_params: dict[str, JsonValue]
    attack_source: str | None
    epsilon: Annotated[float, Field(ge=0)]
    dataset_version: Whole = 1  # cells from before versions have none of the three
    model_version: Whole = 1
    attack_version: Whole = 1


class _Context(_Checked):
    versions: dict[str, str | None] = {}
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T")] | None = None
    command: str | None = None
    checkpoint: str | None = None
    device: str | None = None
    profile: str | None = None
    seconds: float | None = None
    stand_in: bool = False


class _Provenance(_Checked):
    format: Annotated[int, Field(ge=1)]
    key: str
    cell: _CellFields
    context: _Context


@dataclass(frozen=True)
class StoredCell:
    """A cell that has been computed.

    Attributes:
        path: Its Parquet file.
        provenance: `format`, `key`, `cell` (the fields of `Cell`) and `context` (what does not determine
            the scores but tells how they came about: versions, command, device, time).
        content: Digest of the whole file.
    """

    path: Path
    provenance: dict[str, Any]
    content: str

    def scores(self) -> pd.DataFrame:
        """A row per image: `COLUMNS`, of which `quality` is the label and `score` the prediction."""
        table: pd.DataFrame = pq.ParquetFile(self.path).read().to_pandas()
        return table


@dataclass(frozen=True)
class Scores:
    """The raw scores of a cell, by image.

    Attributes:
        images: (N,) names, in ascending order.
        quality: (N,) labels in [0, 1]; NaN where the file has none.
        score: (N,) predictions; NaN where the file has none, as where a model diverged.
    """

    images: tuple[str, ...]
    quality: NDArray[np.float64]
    score: NDArray[np.float64]

    @property
    def scored_on(self) -> str:
        """Digest of the images' names and labels."""
        names = "\0".join(self.images).encode("utf-8", "surrogatepass")
        return hashlib.sha256(names + b"\0" + self.quality.tobytes()).hexdigest()

    def equal(self, other: "Scores") -> bool:
        """Whether images, labels and scores are the same, NaN being equal to NaN."""
        pairs = ((self.quality, other.quality), (self.score, other.score))
        return self.images == other.images and all(np.array_equal(*pair, equal_nan=True) for pair in pairs)


def read_cell(path: Path) -> StoredCell:
    """Read a cell's provenance, and check it.

    Raises:
        ValueError: the file cannot be read, is truncated, is no Parquet file or was not written by iqabench,
            its format is newer than this version knows, or a field is missing or of the wrong type.
    """
    content = _content(path)
    try:
        metadata = pq.read_metadata(pa.BufferReader(content)).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"not a readable Parquet file ({_first_line(error)}); {_COMPUTE_AGAIN}") from error
    if METADATA not in metadata:
        raise ValueError(_STRANGER)
    return StoredCell(path, _provenance(metadata[METADATA]), _digest(content))


def read_scores(cell: StoredCell) -> Scores:
    """Read a cell's raw scores, and check them.

    Raises:
        ValueError: the file cannot be read, is damaged or changed since `cell` was read; it holds no image;
            a column is missing or not of its type; an image has no name, or a label outside [0, 1].
    """
    content = _content(cell.path)
    if _digest(content) != cell.content:
        raise ValueError("replaced while it was read; run the command again")
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        _check_schema(file.schema_arrow)
        table = file.read(["image", "quality", "score"], use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"damaged ({_first_line(error)}); {_COMPUTE_AGAIN}") from error
    return _scores(table)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError("no regular file, or a link to a file that is not there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _provenance(text: bytes) -> dict[str, Any]:
    try:
        provenance = json.loads(text)
        newer = provenance["format"] > FORMAT
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(_STRANGER) from error
    if newer:
        raise ValueError(
            f"written in format {provenance['format']} by a newer iqabench; this one knows {FORMAT}: "
            "update it"
        )
    try:
        _Provenance.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"])) or "JSON"
        fault = shorten(accepted(problem), 200, placeholder="...")
        raise ValueError(f"its metadata are damaged: {field}: {fault}; {_COMPUTE_AGAIN}") from error
    return dict(provenance)


def _check_schema(schema: pa.Schema) -> None:
    for name in ("image", "quality", "score"):
        places = schema.get_all_field_indices(name)
        if len(places) != 1:
            found = "lacks the column" if not places else "has more than one column"
            raise ValueError(f"{found} {name!r}; {_COMPUTE_AGAIN}")
        kind = schema.field(places[0]).type
        holds_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        holds_numbers = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        if not (holds_text if name == "image" else holds_numbers):
            wanted = "text" if name == "image" else "numbers"
            raise ValueError(f"its column {name!r} holds {kind}, not {wanted}; {_COMPUTE_AGAIN}")


def _scores(table: pa.Table) -> Scores:
    if not table.num_rows:
        raise ValueError(f"holds no image; {_COMPUTE_AGAIN}")
    unnamed = table["image"].null_count
    if unnamed:
        raise ValueError(f"its column 'image' is empty in {unnamed} rows; {_COMPUTE_AGAIN}")
    by_name = table.take(pc.sort_indices(table["image"]))
    quality, score = (by_name[name].to_numpy().astype(np.float64) for name in ("quality", "score"))
    outside = int(((quality < 0) | (quality > 1)).sum())
    if outside:
        raise ValueError(
            f"its labels are outside [0, 1] in {outside} of {len(quality)} images; {_COMPUTE_AGAIN}"
        )
    return Scores(tuple(by_name["image"].to_pylist()), quality, score)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
