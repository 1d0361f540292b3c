"""The leaderboard as data: its entrants, their numbers and their red flags. No markup."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["reported", "measured"]
"""`reported`: printed by a paper. `measured`: computed from per-image scores that come with it."""


Condition = tuple[str, str, float]
"""Dataset, attack and epsilon: what an entrant has one number of a kind under."""


@dataclass(frozen=True)
class Number:
    """An entrant's agreement with the labels of a dataset under one condition.

    Attributes:
        kind: Whether it comes from per-image scores.
        dataset: Registered name, or that of a CSV file.
        attack: Registered name, or `none`.
        epsilon: In units of 1/255; 0 without attack.
        srocc: Spearman's rank correlation; of an interval attack the worst case, if `worst_case`.
        plcc: Pearson's correlation; NaN where it is not known.
        mse: Mean squared error on quality in [0, 1]; NaN where it is not known.
        low: Lower bound of the 95% interval of `srocc`; NaN where there is none.
        high: Upper bound, likewise.
        images: Number of images; None where it is not known.
        seeds: The seeds whose mean it is; empty where they are not known.
        parameters: The attack's parameters in words, such as `steps 10`; empty where they are not known.
        stand_in: Whether the dataset stands in for a database.
        source: `Table 1` of a paper, or the name of the file of scores.
        limited: Whether it is known to be of a part of the dataset's test images only.
        worst_case: Whether `srocc`, its interval and `plcc` are the lowest that scores inside the attainable
            intervals of the images give, and not those under one objective of the attack.
    """

    kind: Kind
    dataset: str
    attack: str
    epsilon: float
    srocc: float
    plcc: float
    mse: float
    low: float = math.nan
    high: float = math.nan
    images: int | None = None
    seeds: tuple[int, ...] = ()
    parameters: str = ""
    stand_in: bool = False
    source: str = ""
    limited: bool = False
    worst_case: bool = False

    @property
    def condition(self) -> Condition:
        """Dataset, attack and epsilon."""
        return self.dataset, self.attack, self.epsilon


@dataclass(frozen=True)
class Entrant:
    """A model on the leaderboard.

    Attributes:
        name: Name that is shown.
        numbers: All its numbers, reported and measured.
        slug: Names its page: `[a-z0-9-]+`, different from that of any other entrant.
        paper: Title of the paper that it is from; empty for none.
        authors: Authors of that paper, or of the model.
        year: Year of the paper; None where it is not known.
        links: (what, URL): paper, code, weights.
        training: How it was trained, as a phrase, such as `clean` or `adversarial`.
        unreliable: Why the keepers of the board do not trust its numbers; empty where they do.
        audit: `sound` or `doubtful`, the verdict of `iqabench audit` or of its cells; empty for none.
        red_flags: (dataset, sentence) computed from its own numbers: signs that one of them misleads.
        facts: (what, value) for its page: parameters, digest of the weights, versions, command.
    """

    name: str
    numbers: tuple[Number, ...]
    slug: str = ""
    paper: str = ""
    authors: tuple[str, ...] = ()
    year: int | None = None
    links: tuple[tuple[str, str], ...] = ()
    training: str = ""
    unreliable: str = ""
    audit: str = ""
    red_flags: tuple[tuple[str, str], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Board:
    """All entrants.

    Attributes:
        entrants: In no particular order; a ranking is one of a dataset under a threat model.
        notes: What was left out, and why, in sentences.
    """

    entrants: tuple[Entrant, ...]
    notes: tuple[str, ...]

    @property
    def numbers(self) -> Iterator[Number]:
        """All numbers of all entrants."""
        return (number for entrant in self.entrants for number in entrant.numbers)
