"""The leaderboard as data: its entrants, their numbers and their red flags. No markup."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["reported", "measured"]
"""`reported`: printed by a paper. `measured`: computed from per-image scores that come with it."""


Condition = tuple[str, str, float]
"""Dataset, attack and epsilon; under them an entrant has one number of each kind."""


@dataclass(frozen=True)
class Number:
    """An entrant's agreement with the labels of a dataset under one condition."""

    kind: Kind  # whether it comes from per-image scores
    dataset: str  # registered name, or that of a CSV file
    attack: str  # registered name, or `none`
    epsilon: float  # in units of 1/255; 0 without attack
    srocc: float  # Spearman's rank correlation; of an interval attack the worst case, if `worst_case`
    plcc: float = math.nan  # Pearson's correlation; NaN where it is not known
    mse: float = math.nan  # mean squared error on quality in [0, 1]; NaN where it is not known
    low: float = math.nan  # lower bound of the 95% interval of `srocc`; NaN where there is none
    high: float = math.nan  # upper bound, likewise
    images: int | None = None  # number of images; None where it is not known
    seeds: tuple[int, ...] = ()  # the seeds whose mean it is; empty where they are not known
    # the attack's parameters in words, such as `steps 10`; empty where they are not known
    parameters: str = ""
    stand_in: bool = False  # whether the dataset stands in for a database
    source: str = ""  # `Table 1` of a paper, or the name of the file of scores
    limited: bool = False  # whether it is known to be of a part of the dataset's test images only
    # whether `srocc`, its interval and `plcc` are the lowest that scores inside the attainable intervals of
    # the images give, and not those under one objective of the attack
    worst_case: bool = False
    width: float = math.nan  # median width of the attainable intervals; NaN where there are none
    measured_by: str = ""  # who measured the scores behind it elsewhere; empty for scores measured here
    control: bool = False  # whether `attack` is a control, which does not look at the model

    @property
    def attacked(self) -> bool:
        """Whether it is under an attack; neither no attack nor a control is one."""
        return self.attack != "none" and not self.control

    @property
    def condition(self) -> Condition:
        """Dataset, attack and epsilon."""
        return self.dataset, self.attack, self.epsilon


@dataclass(frozen=True)
class Move:
    """How far an attack moves an entrant's scores of images without labels, on a scale from 0 to 1.

    Those that are not known are NaN.
    """

    kind: Kind
    dataset: str
    attack: str
    epsilon: float  # in units of 1/255
    rise: float = math.nan  # mean, from the clean score to the highest that was found
    fall: float = math.nan  # mean, likewise to the lowest
    r: float = math.nan  # mean of log10 of the room that a score has over how far it moves: higher is better
    width: float = math.nan  # median width of the attainable intervals
    psnr: float = math.nan  # median over the adversarial images, in dB
    ssim: float = math.nan  # likewise
    images: int | None = None  # number of images; None where it is not known
    source: str = ""  # `Table 1` of a paper, or the name of the file of scores
    measured_by: str = ""  # who measured the scores behind it elsewhere; empty for scores measured here


@dataclass(frozen=True)
class Entrant:
    """A model on the leaderboard."""

    name: str  # name that is shown
    numbers: tuple[Number, ...]  # all its numbers, reported and measured
    moves: tuple[Move, ...] = ()  # likewise on images without labels
    slug: str = ""  # names its page: `[a-z0-9-]+`, different from that of any other entrant
    paper: str = ""  # title of the paper that it is from; empty for none
    authors: tuple[str, ...] = ()  # authors of that paper, or of the model
    year: int | None = None  # year of the paper; None where it is not known
    links: tuple[tuple[str, str], ...] = ()  # (what, URL): paper, code, weights
    training: str = ""  # how it was trained, as a phrase, such as `clean` or `adversarial`
    unreliable: str = ""  # why the keepers of the board do not trust its numbers; empty where they do
    audit: str = ""  # `sound` or `doubtful`, the verdict of `iqabench audit` or of its cells; empty for none
    # (dataset, verdict) where cells of a dataset were audited, the verdict that the entry states included
    audits: tuple[tuple[str, str], ...] = ()
    # (dataset, sentence) computed from its own numbers: signs that one of them misleads
    red_flags: tuple[tuple[str, str], ...] = ()
    # (what, value) for its page: parameters, digest of the weights, versions, command
    facts: tuple[tuple[str, str], ...] = ()

    def audit_on(self, dataset: str) -> str:
        """Return the verdict on a dataset, empty for none.

        A verdict that an entry states holds for all its datasets, that of audited cells for the datasets of
        the cells.
        """
        return dict(self.audits).get(dataset, "" if self.audits else self.audit)

    def is_doubtful(self, dataset: str) -> bool:
        """Return whether the audit found that a stronger attack is likely to lower numbers on a dataset."""
        return self.audit_on(dataset) == "doubtful"


@dataclass(frozen=True)
class Board:
    """All entrants."""

    # in no particular order; a ranking is one of a dataset under a threat model
    entrants: tuple[Entrant, ...]
    notes: tuple[str, ...]  # what was left out, and why, in sentences

    @property
    def numbers(self) -> Iterator[Number]:
        """All numbers of all entrants."""
        return (number for entrant in self.entrants for number in entrant.numbers)
