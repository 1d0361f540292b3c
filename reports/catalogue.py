"""What things are called in print, in which order they stand and how they are drawn: `catalogue.toml`."""

from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..bench.core.parameters import read_table

if TYPE_CHECKING:
    import pandas as pd

FILE = Path(__file__).with_name("catalogue.toml")

STAND_IN = "stands in for a database: its images are procedural and its labels computed, not given by people"

AUTO = "auto"  # the attack whose worst case reports lead with
PAPER_ATTACKS = ("fgsm", "pgd")  # the attacks of the paper's tables, which are weaker

Kind = Literal["model", "dataset", "attack", "metric"]

_Colour = Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Style(_Table):
    """The look of one curve; `light` and `dark` are its colours on the respective ground."""

    light: _Colour
    dark: _Colour
    marker: str
    width: float = 1.6
    dashed: bool = False


class Named(_Table):
    """A thing with a name in print, such as a dataset."""

    label: str


class Dataset(Named):
    """A dataset; `note` says in sentences what numbers on it are of, where its label does not."""

    note: str = ""


class Model(Style, Named):
    """A model with a look of its own."""


class Metric(Named):
    """A metric; `digits` are those of an interval's bounds, after the decimal point."""

    higher_is_better: bool
    digits: int = Field(ge=0)


class Catalogue(_Table):
    """The content of `catalogue.toml`: tables by registered name, in the order of print."""

    models: dict[str, Model]
    others: list[Style] = Field(min_length=1)
    datasets: dict[str, Dataset]
    attacks: dict[str, Named]
    metrics: dict[str, Metric]
    readings: dict[str, str]

    @model_validator(mode="after")
    def _colours_are_distinct(self) -> "Catalogue":
        colours = [style.light for style in (*self.models.values(), *self.others)]
        for colour in colours:
            if colours.count(colour) > 1:
                raise ValueError(f"a light colour for each look; {colour} is there twice")
        return self


@cache
def catalogue() -> Catalogue:
    """Return the catalogue of this package."""
    return read_table(FILE, Catalogue)


def ordered(kind: Kind, names: Iterable[str]) -> list[str]:
    """Return names without repetition: those of the catalogue in its order, then the others by alphabet."""
    places = {name: place for place, name in enumerate(_tables(kind))}
    return sorted(set(names), key=lambda name: (places.get(name, len(places)), name))


def in_order(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of results with datasets, models and attacks in the order of the catalogue."""
    kinds: tuple[Kind, ...] = ("dataset", "model", "attack")
    ranks = {kind: {name: rank for rank, name in enumerate(ordered(kind, frame[kind]))} for kind in kinds}
    keys = frame[["dataset", "model", "regime", "seed", "attack", "epsilon"]]
    keys = keys.assign(**{kind: frame[kind].map(ranks[kind]) for kind in kinds})
    return frame.loc[keys.sort_values([*keys.columns], kind="stable").index].reset_index(drop=True)


def _label(kind: Kind, name: str) -> str:
    """Return a name as it is printed: the label of the catalogue, or else the name itself.

    A name that is the label of another one, as `LIVE` is that of `live`, is printed as `LIVE (own)`.
    """
    tables = _tables(kind)
    if name in tables:
        return tables[name].label
    return f"{name} (own)" if any(name == other.label for other in tables.values()) else name


model_name = partial(_label, "model")
dataset_name = partial(_label, "dataset")
attack_name = partial(_label, "attack")
metric_name = partial(_label, "metric")


def marked_dataset(name: str, stand_in: bool) -> str:
    """Return a dataset's name as it is printed where nothing else says that it stands in for a database."""
    return f"{dataset_name(name)}{' (stand-in)' if stand_in else ''}"


def dataset_note(name: str) -> str:
    """Return what a reader has to know about numbers on a dataset, in sentences; empty for most."""
    found = catalogue().datasets.get(name)
    return found.note if found else ""


def higher_is_better(metric: str) -> bool:
    """Return whether high values of a metric are good."""
    return catalogue().metrics[metric].higher_is_better


def _tables(kind: Kind) -> Mapping[str, Named]:
    found: Mapping[str, Named] = getattr(catalogue(), f"{kind}s")
    return found
