"""A cell's Parquet file: what it must hold, and what is wrong with one that does not."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ..core.errors import first_line
from ..core.integrity import Damaged
from ..core.parameters import accepted
from ..statistics.visibility import VISIBILITY
from .cell import Cell, key_of
from .sealed_parquet import verify

FORMAT = 1
COLUMNS = ("image", "scene", "distortion", "quality", "score")  # the columns of every cell

ENDS = ("low", "high")
ERRORS = ("score_se", "low_se", "high_se")
FOUND_BY = ("low_by", "high_by")

WORST = "worst"

FURTHER_COLUMNS = (*ENDS, WORST, *ERRORS, *FOUND_BY, *VISIBILITY)
"""Columns of an interval attack's cell, whose `score` is that of the clean image.

`low` and `high` end the attainable interval; `low_by` and `high_by` name the attacks that reached them;
`worst` is the score of an image inside the ball, found so that all together rank worst (not in older cells).
Of a stochastic model these scores are means, with standard errors in the columns `*_se`. `low_psnr`,
`low_ssim`, `high_psnr` and `high_ssim` say how near the images at the ends are to the clean ones; the cell of
another attack has `psnr` and `ssim` (not in older cells).
"""

METADATA = b"iqabench"

_TEXTS = ("image", *FOUND_BY)

_STRANGER = "a Parquet file, but not a cell written by iqabench; move it out of the store"
COMPUTE_AGAIN = "remove the file, and `iqabench run` computes it again"  # what to do about a damaged cell

MOST_IMAGES = 100_000
"""Highest number of images in a cell; the largest databases of the field have some 40,000."""

_MOST_BYTES = 1 << 28
_ROUNDING = 1e-6  # by which the low end may be above the high one, relative to the larger of the two


class _Unusable(ValueError):
    """A cell cannot be used; says what is wrong with it, and what to do."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"{fault}; {COMPUTE_AGAIN}")


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Context(_Checked):
    versions: dict[str, str | None] = {}
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T")] | None = None
    named: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T")] | None = None  # when a sweep came back to it
    command: str | None = None
    checkpoint: str | None = None
    device: str | None = None
    profile: str | None = None
    seconds: float | None = None
    stand_in: bool = False
    measured_by: str = ""
    control: bool | None = None  # what the attack's class says; unknown in cells of earlier versions


class _Provenance(_Checked):
    diagnostics: dict[str, JsonValue] = {}
    format: Annotated[int, Field(ge=1)]
    key: str
    cell: Cell
    context: _Context


@dataclass(frozen=True)
class StoredCell:
    """A cell that has been computed."""

    path: Path  # its Parquet file
    key: str  # of its `Cell`
    content: str  # digest of the whole file
    told: bytes  # its provenance as the JSON of the file

    @property
    def provenance(self) -> dict[str, Any]:
        """The file's facts about itself, read anew each time.

        `format`, `key`, `cell` (the fields of `Cell`), `context` (what does not determine the scores but
        tells how they came about: versions, command, device, time) and, where the attack tells something of
        its search, `diagnostics`.
        """
        return dict(json.loads(self.told))


@dataclass(frozen=True)
class Scores:
    """The raw scores of a cell, by image."""

    images: tuple[str, ...]  # (N,) names, in ascending order
    quality: NDArray[np.float64]  # (N,) labels in [0, 1]; NaN where the file has none
    score: NDArray[np.float64]  # (N,) predictions; NaN where the file has none, as where a model diverged
    # (N,) values of each of `FURTHER_COLUMNS` that the file has: numbers, or text
    further: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """The ends (N,), (N,) of the attainable intervals; None if the attack gives none."""
        return (self.further["low"], self.further["high"]) if "low" in self.further else None

    @property
    def scored_on(self) -> str:
        """Digest of the images' names and labels."""
        names = "\0".join(self.images).encode("utf-8", "surrogatepass")
        return hashlib.sha256(names + b"\0" + self.quality.tobytes()).hexdigest()

    def equal(self, other: "Scores") -> bool:
        """Return whether images, labels and scores are the same, NaN being equal to NaN."""
        if self.images != other.images or self.further.keys() != other.further.keys():
            return False
        numbers = [name for name in self.further if name not in FOUND_BY]
        pairs = [(self.quality, other.quality), (self.score, other.score)]
        pairs += [(self.further[name], other.further[name]) for name in numbers]
        return all(np.array_equal(*pair, equal_nan=True) for pair in pairs)


def read_cell(path: Path) -> StoredCell:
    """Read a cell's provenance, and check it.

    Raises:
        ValueError: the file cannot be read, is truncated, is no Parquet file or was not written by iqabench,
            its format is newer than this version knows, a field is missing or of the wrong type, or its
            checksum or its key does not fit its content.
    """
    content = _content(path)
    try:
        footer = pq.read_metadata(pa.BufferReader(content))
        metadata = footer.metadata or {}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _Unusable(f"not a readable Parquet file ({first_line(error)})") from error
    _check_size(footer)
    if METADATA not in metadata:
        raise ValueError(_STRANGER)
    provenance = _provenance(metadata[METADATA])
    try:
        verify(content)
    except Damaged as error:
        raise _Unusable(f"damaged: {error}") from error
    key = provenance["key"]
    if key != key_of(provenance["cell"]):
        raise _Unusable(f"its key {key!r} is not that of its cell: its metadata were changed after the run")
    return StoredCell(path, key, _digest(content), metadata[METADATA])


def read_scores(cell: StoredCell) -> Scores:
    """Read a cell's raw scores, and check them.

    Raises:
        ValueError: the file cannot be read, is damaged or changed since `cell` was read; it holds no image;
            a column is missing or not of its type; an image has no name, is there twice or has a label
            outside [0, 1]; an interval has one end, ends that are not numbers or a low end above the high.
    """
    content = _content(cell.path)
    if _digest(content) != cell.content:
        raise ValueError("replaced while it was read; run the command again")
    try:
        schema = pq.read_schema(pa.BufferReader(content))
        wanted = ["image", "quality", "score", *(name for name in FURTHER_COLUMNS if name in schema.names)]
        _check_schema(schema, wanted)
        texts = [name for name in wanted if name in _TEXTS]  # a text that recurs is held once
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts)
        table = file.read(wanted, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _Unusable(f"damaged ({first_line(error)})") from error
    return _scores(table)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError("no regular file, or a link to a file that is not there")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _Unusable(f"larger than {_MOST_BYTES >> 20} MiB, which no cell is")
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def _check_size(footer: pq.FileMetaData) -> None:
    """Refuse what would take much memory, before a row is decoded."""
    size = sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
    if footer.num_rows > MOST_IMAGES or size > _MOST_BYTES:
        raise _Unusable(
            f"holds {footer.num_rows:,} rows of {size >> 20} MiB; a cell has at most {MOST_IMAGES:,} images "
            f"and {_MOST_BYTES >> 20} MiB"
        )


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
        place = ".".join(map(str, problem["loc"])) or "JSON"
        fault = shorten(accepted(problem), 200, placeholder="...")
        raise _Unusable(f"its metadata are damaged: {place}: {fault}") from error
    return dict(provenance)


def _check_schema(schema: pa.Schema, names: Sequence[str]) -> None:
    for name in names:
        places = schema.get_all_field_indices(name)
        if len(places) != 1:
            found = "lacks the column" if not places else "has more than one column"
            raise _Unusable(f"{found} {name!r}")
        kind = schema.field(places[0]).type
        holds_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        holds_numbers = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        wanted = "text" if name in _TEXTS else "numbers"
        if not (holds_text if wanted == "text" else holds_numbers):
            raise _Unusable(f"its column {name!r} holds {kind}, not {wanted}")


def _scores(table: pa.Table) -> Scores:
    if not table.num_rows:
        raise _Unusable("holds no image")
    if unnamed := table["image"].null_count:
        raise _Unusable(f"its column 'image' is empty in {unnamed} rows")
    _refuse_twice(table["image"])  # before a name that recurs is written out in every row
    for place, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(place, column.name, table[place].cast(column.type.value_type))
    _refuse_twice(table["image"])
    by_name = table.take(pc.sort_indices(table["image"]))
    quality, score = (_numbers(by_name[name]) for name in ("quality", "score"))
    if outside := int(((quality < 0) | (quality > 1)).sum()):
        raise _Unusable(f"its labels are outside [0, 1] in {outside} of {len(quality)} images")
    further = {
        name: np.array(by_name[name].to_pylist(), dtype=object)
        if name in FOUND_BY
        else _numbers(by_name[name])
        for name in by_name.column_names[3:]
    }
    _check_further(further, np.isfinite(score))
    return Scores(tuple(by_name["image"].to_pylist()), quality, score, further)


def _refuse_twice(names: pa.ChunkedArray) -> None:
    found = pc.value_counts(names.unify_dictionaries())
    several = found.filter(pc.greater(found.field("counts"), 1))
    if len(several):
        raise _Unusable(f"image {several[0]['values'].as_py()!r} is in it more than once")


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = column.to_numpy().astype(np.float64)
    return numbers


def _check_further(further: Mapping[str, NDArray[Any]], scored: NDArray[np.bool_]) -> None:
    """See that the columns of an interval attack make sense wherever the image has a score."""
    if ("low" in further) != ("high" in further):
        raise _Unusable("has one of the columns 'low' and 'high' without the other")
    for name in (*ENDS, WORST, *ERRORS):
        if name in further and not np.isfinite(further[name][scored]).all():
            raise _Unusable(f"its column {name!r} is not finite in some images")
    if "low" in further:
        low, high = further["low"][scored], further["high"][scored]
        if crossed := int((low - high > _ROUNDING * np.maximum(abs(low), abs(high))).sum()):
            raise _Unusable(f"its 'low' is above its 'high' in {crossed} images")
