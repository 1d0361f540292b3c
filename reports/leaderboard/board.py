"""The leaderboard as data: who takes part, with which numbers, and what speaks against them. No markup."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["reported", "measured"]
"""`reported`: printed by a paper, nothing behind it. `measured`: per-image scores are, and agree with it."""


@dataclass(frozen=True)
class Number:
    """An entrant's agreement with the labels of a dataset under one condition.

    Attributes:
        kind: Whether per-image scores stand behind it.
        dataset: Registered name, or that of a CSV file.
        attack: Registered name, or `none`.
        epsilon: In units of 1/255; 0 without attack.
        srocc: Spearman's rank correlation.
        plcc: Pearson's correlation; NaN where it is not known.
        mse: Mean squared error on quality in [0, 1]; NaN where it is not known.
        low: Lower bound of the 95% interval of `srocc`; NaN where there is none.
        high: Upper bound, likewise.
        images: How many; None where it is not known.
        seeds: Behind it, whose mean it is; empty where they are not known.
        parameters: Of the attack, in words, such as `steps 10`; empty where they are not known.
        stand_in: Whether the dataset stands in for a database.
        source: Where it is from: `Table 1`, or the name of the file of scores.
        limited: Whether it is known to be of a part of the dataset's test images only.
    """

    kind: Kind
    dataset: str
    attack: str
    epsilon: float
    srocc: float
    plcc: float
    mse: float
    low: float
    high: float
    images: int | None
    seeds: tuple[int, ...]
    parameters: str
    stand_in: bool
    source: str
    limited: bool = False


@dataclass(frozen=True)
class Entrant:
    """A model on the leaderboard.

    Attributes:
        slug: For file names and links: `[a-z0-9-]+`, unlike that of any other.
        name: As it is shown.
        paper: Title of the paper that it is from; empty for none.
        authors: Of that paper, or of the model.
        year: Of the paper; None where it is not known.
        links: (what, URL): paper, code, weights.
        training: How it was trained, as a phrase, such as `clean` or `adversarial`.
        unreliable: Why whoever keeps the board does not trust its numbers; empty where they do.
        doubts: What its own numbers speak against it, in sentences.
        numbers: All that is known, reported and measured.
        facts: (what, value) for its card: parameters, digest of the weights, versions, command.
    """

    slug: str
    name: str
    paper: str
    authors: tuple[str, ...]
    year: int | None
    links: tuple[tuple[str, str], ...]
    training: str
    unreliable: str
    doubts: tuple[str, ...]
    numbers: tuple[Number, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Board:
    """All entrants.

    Attributes:
        entrants: In no particular order; a ranking is one of a dataset under a threat model.
        notes: What was left out, and why, in sentences.
    """

    entrants: tuple[Entrant, ...]
    notes: tuple[str, ...]
