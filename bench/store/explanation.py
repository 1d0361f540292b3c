"""An explanation: what FGSM does to one image and inside two models, as numbers in one file of a store.

`bench.explain` computes and writes it; `reports.explain` reads it and draws Figures 1, 4 and 5 of the CPRL
paper. `explanation.npz` holds the arrays and, as JSON, everything else, where an array stands as its name. It
is one file, so that it is replaced all at once.
"""

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import (
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.dataclasses import dataclass

from ..core.files import safe_name
from ..core.integrity import read_sealed, write_sealed

FOLDER = "explain"  # folder of a store that holds its explanations

FILE = "explanation.npz"
FORMAT = 2
_CONTENT = "content"  # name of the JSON beside the arrays
_STRICT = ConfigDict(arbitrary_types_allowed=True, extra="forbid")


def _named_array(array: np.ndarray, info: SerializationInfo) -> str:
    arrays: dict[str, np.ndarray] = info.context  # type: ignore[assignment]
    name = str(len(arrays))
    arrays[name] = np.ascontiguousarray(array)
    return name


def _array_of_name(value: Any, info: ValidationInfo) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, str) and info.context and value in info.context:
        found: np.ndarray = info.context[value]
        if found.dtype.kind in "bfiu":
            return found
    raise ValueError("the name of an array of numbers in the file")


Array = Annotated[np.ndarray, PlainValidator(_array_of_name), PlainSerializer(_named_array)]


@dataclass(frozen=True, config=_STRICT)
class ExplainedImage:
    """The image that is explained."""

    path: str  # as in the dataset's table
    split: str  # `train` or `test`
    quality: float  # its label in [0, 1]
    pixels: Array  # (H, W, 3) in [0, 1]: what the models see
    chosen: str  # why this image, as a phrase


@dataclass(frozen=True)
class Deviation:
    """The distance that an attack moves the activations of some channels."""

    channels: int  # how many
    change: float  # mean absolute change of a channel's mean activation
    # the sum of the absolute changes over the sum of the clean activations' magnitudes; NaN if these are all
    # zero
    relative: float


@dataclass(frozen=True, config=_STRICT)
class StageActivations:
    """The K channels that leave a stage of a residual network, after its last activation."""

    stage: int  # number of the stage, counted from 1
    clean: Array  # (K,) activations of the clean image, mean over positions
    attacked: Array  # (K,) activations of the adversarial image, mean over positions
    # (K,) the mask's value for the clean image, mean over positions: the share of positions at which the
    # channel is kept. None where there is no mask.
    kept_clean: Array | None
    kept_attacked: Array | None  # (K,) the same for the adversarial image
    # Share of what the mask keeps of the clean image, channel by channel and position by position, that it
    # keeps of the adversarial image too. None where there is no mask.
    still_kept: float | None
    # (K,) whether the channel is one of those that the mask keeps most; without a mask, whether it is one of
    # as many with the largest clean activation
    marked: Array

    @model_validator(mode="after")
    def _checked(self) -> "StageActivations":
        arrays = (self.clean, self.attacked, self.kept_clean, self.kept_attacked, self.marked)
        shapes = {array.shape for array in arrays if array is not None}
        if self.clean.ndim != 1 or shapes != {self.clean.shape}:
            raise ValueError("arrays of one number per channel")
        return self

    @property
    def order(self) -> np.ndarray:
        """(K,) channels in descending order of their clean activation."""
        return np.argsort(-self.clean, kind="stable")

    @property
    def share_kept(self) -> float | None:
        """Share of the channels that the mask keeps at a position; None without a mask."""
        return None if self.kept_clean is None else float(self.kept_clean.mean())

    def marking(self, share: float) -> "StageActivations":
        """Mark a share of the channels: those kept most or, without a mask, the largest."""
        count = max(1, round(share * len(self.clean)))
        rank_by = self.clean if self.kept_clean is None else self.kept_clean
        marked = np.zeros(len(self.clean), bool)
        # Of channels kept equally often, the one with the larger activation comes first.
        marked[np.lexsort((-self.clean, -rank_by))[:count]] = True
        return replace(self, marked=marked)

    def deviation(self, channels: np.ndarray) -> Deviation:
        """Measure how far the attack moves some channels, chosen by a boolean (K,)."""
        moved = np.abs(self.attacked - self.clean)[channels]
        magnitude = np.abs(self.clean)[channels].sum()
        return Deviation(
            int(channels.sum()),
            float(moved.mean()) if len(moved) else math.nan,
            float(moved.sum() / magnitude) if magnitude > 0 else math.nan,
        )


@dataclass(frozen=True, config=_STRICT)
class Landscape:
    """Scores over a square plane through an image.

    Both axes count L-inf distance from the image in units of 1/255: a step of 1 moves no pixel further.
    """

    steps: Array  # (S,) coordinates along either axis, ascending, in units of 1/255; 0 is among them
    # (S, S) in [0, 1]: a row for each step along the random direction, a column for each along FGSM's
    scores: Array

    @model_validator(mode="after")
    def _checked(self) -> "Landscape":
        if self.steps.ndim != 1 or len(self.steps) < 2 or self.scores.shape != 2 * self.steps.shape:
            raise ValueError("a score for each pair of steps")
        return self

    @property
    def spread(self) -> float:
        """Highest score minus lowest."""
        return float(np.ptp(self.scores))

    @property
    def random_spread(self) -> float:
        """Highest score minus lowest along the random direction alone, through the image."""
        return float(np.ptp(self.scores[:, len(self.steps) // 2]))


@dataclass(frozen=True, config=_STRICT)
class ExplainedModel:
    """One model's part of the explanation."""

    name: str  # registered name
    variant: str  # what sets it apart from the model of its table, in a grid; else ""
    parameters: dict[str, Any]  # those of its architecture
    weights: str  # digest of its weights
    regime: str  # how it was trained
    seed: int  # of its training
    # Whether its scores are random. They are then of one draw, which the attack did not see.
    stochastic: bool
    clean: float  # score of the image
    attacked: float  # score of the adversarial image
    # how far FGSM moves the score in the median over the test images that the image was chosen from; NaN
    # where the image was asked for
    median_move: float
    adversarial: Array  # (H, W, 3) in [0, 1]: the image that FGSM makes with this model
    landscape: Landscape  # scores around the image
    # activations, clean and attacked; empty for a model without residual stages
    stages: tuple[StageActivations, ...]


@dataclass(frozen=True, config=_STRICT)
class Explanation:
    """The numbers of Figures 1, 4 and 5."""

    dataset: str  # its name
    stand_in: bool  # whether it stands in for a real database
    image: ExplainedImage  # the image that is attacked
    epsilon: float  # radius of the attack, in units of 1/255
    models: tuple[ExplainedModel, ExplainedModel]  # the model to explain, then the one to compare it with
    command: str  # the command that computed it
    versions: dict[str, str]  # versions of the software that computed it

    @model_validator(mode="after")
    def _checked(self) -> "Explanation":
        shape = self.image.pixels.shape
        if shape[2:] != (3,) or any(model.adversarial.shape != shape for model in self.models):
            raise ValueError("three pictures (H, W, 3) of one size")
        return self


_SCHEMA = TypeAdapter(Explanation)


def explanation_folder(root: Path, dataset: str, model: str) -> Path:
    """Return the folder of a store in which the explanation of a model on a dataset is kept."""
    return root / FOLDER / safe_name(dataset) / safe_name(model)


def write_explanation(explanation: Explanation, folder: Path) -> Path:
    """Keep an explanation in a folder, in place of the one before."""
    arrays: dict[str, Any] = {}
    content = {"format": FORMAT, "explanation": _SCHEMA.dump_python(explanation, mode="json", context=arrays)}
    arrays[_CONTENT] = json.dumps(content)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write_sealed(folder / FILE, file.getvalue())
    return folder / FILE


def read_explanation(folder: Path) -> Explanation:
    """Read the explanation in a folder; a ValueError where it is missing, damaged or of another version."""
    if not (folder / FILE).is_file():
        raise ValueError("an earlier version of iqabench wrote them")
    try:
        with np.load(io.BytesIO(read_sealed(folder / FILE))) as file:
            arrays = dict(file)
        content = json.loads(str(arrays.pop(_CONTENT)))
        written, explanation = content["format"], content["explanation"]
    except Exception as error:  # a damaged archive fails in as many ways as it has bytes
        raise ValueError(f"{FILE} is damaged: {error}") from error
    if written != FORMAT:
        raise ValueError(f"{FILE} was written in format {written} by a newer iqabench")
    try:
        return _SCHEMA.validate_python(explanation, context=arrays)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise ValueError(f"{FILE} is damaged: key {key!r}: {problem['msg']}") from error
