"""The condition that a number was measured under, and its phrase for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_CONTROLS = ("noise",)  # names of controls, where neither a cell nor an entry says what an attack is

Naming = Callable[[str], str]  # gives the printed name of a registered one


@dataclass(frozen=True)
class Condition:
    """A model, trained in some way, on a dataset under an attack."""

    dataset: str  # registered name, or that of a CSV file
    model: str  # registered name
    variant: str  # of the model, in a grid; or of the model in a paper's table
    regime: str  # of the training
    seeds: tuple[int, ...]  # of the training; empty if nothing was run
    attack: str  # registered name, or `none`
    epsilon: float  # in units of 1/255; 0 without attack

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Condition":
        """Return the condition of a row of results."""
        return cls(
            row["dataset"],
            row["model"],
            row["variant"],
            row["regime"],
            (int(row["seed"]),),
            row["attack"],
            row["epsilon"],
        )

    @property
    def phrase(self) -> str:
        """The condition by its registered names: `cprl (b=0.4) on live, fgsm at 1/255, seed 0`."""
        variant = f" ({self.variant})" if self.variant else ""
        regime = "" if self.regime == "clean" else f", {self.regime} training"
        seeds = f", seed {', '.join(map(str, self.seeds))}" if self.seeds else ""
        attack = attack_phrase(self.attack, self.epsilon)
        return f"{self.model}{variant} on {self.dataset}, {attack}{regime}{seeds}"


def is_control(attack: str, stated: bool | None = None) -> bool:
    """Return whether an attack is a control: a change of the images that does not look at the model.

    `stated` is what its class says, as a cell keeps it; where that is not known, its name decides.
    """
    return attack in _CONTROLS if stated is None else stated


def set_apart(variant: str, regime: str, seed: int, knowledge: str | None) -> list[str]:
    """Return what tells cells of a model from those of its own table, clean training and seed 0.

    A static attack, which does not know the defence, is one of these things.
    """
    return [
        *filter(None, (variant, "" if regime == "clean" else regime, f"seed {seed}" if seed else "")),
        *(["static"] if knowledge == "static" else []),
    ]


def attack_phrase(attack: str, epsilon: float, named: Naming = str) -> str:
    """Name an attack and its strength in units of 1/255: `FGSM at 1/255`, or `no attack`."""
    return "no attack" if attack == "none" else f"{named(attack)} at {epsilon:g}/255"


def under(attack: str, epsilon: float, named: Naming = str) -> str:
    """Say what a model was measured under: `under FGSM at 1/255`, or `without attack`."""
    return "without attack" if attack == "none" else f"under {attack_phrase(attack, epsilon, named)}"
