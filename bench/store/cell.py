"""The cell: everything that determines one column of scores, and the key made of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

_NOT_OF_THE_MODEL = (
    "attack", "attack_params", "attack_source", "attack_version", "epsilon", "smaller_epsilons",
    "source_weights", "knowledge", "precision", "batch_size", "variant",
)  # fmt: skip
"""Fields in which cells of one model on one set of images may differ."""

OFTEN_ABSENT = ("source_weights", "pixels", "defence", "knowledge", "trained_on", "precision")
"""Fields that are part of a cell's key only where they are not None."""

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Epsilon = Annotated[float, Field(ge=0)]  # in units of 1/255


class Step(TypedDict):
    """One step of a defence."""

    name: str
    params: dict[str, JsonValue]
    version: Whole
    source: str | None
    weights: NotRequired[str | None]  # of one that learns


@dataclass(frozen=True)
class Cell:
    """One (dataset, split, model and weights, regime, seed, attack, epsilon).

    Two cells with one key have the same scores, whichever machine computed them; so nothing that can
    change a score is missing here, and nothing that cannot, such as the device's name, is present.
    A file that holds the fields is checked against their types.
    """

    dataset: str
    dataset_digest: str  # of paths, labels and scenes
    pixels_digest: str  # of the decoded, resized images
    split_seed: Whole
    split_digest: str
    image_size: Whole | None  # of what a network is given; None for whole images of any size
    limit: Whole | None
    model: str
    model_params: dict[str, JsonValue]
    model_source: str | None  # digest of a plugin's file
    weights: str  # digest of the tensors
    regime: str
    seed: Whole
    batch_size: Whole | None  # of a stochastic model, whose draws depend on it
    attack: str
    attack_params: dict[str, JsonValue]
    attack_source: str | None
    epsilon: Epsilon
    variant: str = ""  # of the model, in a grid, for people; "" for the model as its own table has it
    # Versions of the code that makes or reads the dataset, of the model's and of the attack's.
    dataset_version: Whole = 1
    model_version: Whole = 1
    attack_version: Whole = 1
    smaller_epsilons: tuple[Epsilon, ...] = ()  # whose findings the search started from
    pixels: str | None = None  # how an image becomes what the model is given; None: resized and cropped
    source_weights: str | None = None  # digest of the weights of another network that the attack uses
    defence: list[Step] | None = None  # what images pass before the model scores them
    # "adaptive": the attack goes through the defence; "static": it does not
    knowledge: Literal["adaptive", "static"] | None = None
    trained_on: str | None = None  # the dataset whose training images the weights are of, if not `dataset`
    precision: Literal["tf32", "bf16"] | None = None  # of the attack's search; None: float32

    @cached_property
    def key(self) -> str:
        """Twenty hexadecimal digits that stand for this cell."""
        return key_of(asdict(self))


def key_of(fields: Mapping[str, Any]) -> str:
    """Return the key of a cell's fields: of all but `variant`, which only names it, and absent ones."""
    left_out = {"variant", *(name for name in OFTEN_ABSENT if fields.get(name) is None)}
    return digest({name: value for name, value in fields.items() if name not in left_out})


def of_the_model(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields, but for those that are None, in which all cells of a model and its images agree."""
    left_out = {*_NOT_OF_THE_MODEL, *(name for name, value in fields.items() if value is None)}
    return {name: value for name, value in fields.items() if name not in left_out}


def digest(value: Any) -> str:
    """Return a digest of anything JSON can hold, independent of the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:20]
