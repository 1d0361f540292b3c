"""The cell: everything that determines one column of scores, and the key made of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

OFTEN_ABSENT = ("source_weights", "pixels", "defence", "knowledge", "trained_on", "precision")


@dataclass(frozen=True)
class Cell:
    """One (dataset, split, model and weights, regime, seed, attack, epsilon).

    Two cells with one key have the same scores, whichever machine computed them; so nothing that can
    change a score is missing here, and nothing that cannot, such as the device's name, is present.
    """

    dataset: str
    dataset_digest: str  # of paths, labels and scenes
    pixels_digest: str  # of the decoded, resized images
    split_seed: int
    split_digest: str
    image_size: int | None  # of what a network is given; None for whole images of any size
    limit: int | None
    model: str
    variant: str  # of the model, in a grid, for people; "" for the model as its own table has it
    model_params: dict[str, Any]
    model_source: str | None  # digest of a plugin's file
    weights: str  # digest of the tensors
    regime: str
    seed: int
    batch_size: int | None  # of a stochastic model, whose draws depend on it
    attack: str = "none"
    attack_params: dict[str, Any] = field(default_factory=dict)
    attack_source: str | None = None
    epsilon: float = 0.0  # in units of 1/255
    dataset_version: int = 1  # of the code that makes or reads the dataset
    model_version: int = 1  # of the model's code
    attack_version: int = 1  # of the attack's code
    smaller_epsilons: tuple[float, ...] = ()  # whose findings the search started from, in units of 1/255
    pixels: str | None = None  # how an image becomes what the model is given; None: resized and cropped
    source_weights: str | None = None  # digest of the weights of another network that the attack uses
    defence: list[dict[str, Any]] | None = None  # what images pass before the model scores them
    knowledge: str | None = None  # "adaptive": the attack goes through the defence; "static": it does not
    trained_on: str | None = None  # the dataset whose training images the weights are of, if not `dataset`
    precision: str | None = None  # of the passes in which the attack searched; None: float32

    @cached_property
    def key(self) -> str:
        """Twenty hexadecimal digits that stand for this cell."""
        return key_of(asdict(self))


def key_of(fields: Mapping[str, Any]) -> str:
    """Return the key of a cell's fields, by the rule of the iqabench that wrote them.

    `variant` only names a cell, so it is not part of its key. It was part of the keys of cells that have no
    versions. `OFTEN_ABSENT` are part of it where there are any.
    """
    if "model_version" in fields:
        fields = {name: value for name, value in fields.items() if name != "variant"}
    absent = [name for name in OFTEN_ABSENT if fields.get(name) is None]
    fields = {name: value for name, value in fields.items() if name not in absent}
    return digest(fields)


def digest(value: Any) -> str:
    """Return a digest of anything JSON can hold, independent of the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:20]
