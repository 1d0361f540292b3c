"""The scale of a metric's scores, and its map to scores where higher is better."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Scale:
    """The range and direction of a metric's scores."""

    low: float | None  # the lowest score, or None where there is none
    high: float | None  # the highest score, or None
    lower_is_better: bool  # whether a low score means high quality
    stated: str  # the range in pyiqa's words, such as "~0, ~100"

    @classmethod
    def parse(cls, stated: str | None, lower_is_better: bool) -> "Scale":
        """Read a range as pyiqa writes it: two bounds, `~` for about or, alone, for none; or raise
        ValueError.
        """
        parts = [part.strip().removeprefix("~") for part in (stated or "~, ~").split(",")]
        low, high = (float(part) if part else None for part in parts)
        return cls(low, high, lower_is_better, stated or "")

    def quality(self, scores: Tensor) -> Tensor:
        """Map scores so that higher is better, and those within the range lie in [0, 1].

        With two bounds the map is linear, and a score outside an approximate range stays outside [0, 1]. With
        one bound it is d / (1 + |d|), d the distance from the bound; with none, (1 + that) / 2 of the score,
        in float64, since large scores come close to 1 and would be equal in float32.
        """
        if self.low is not None and self.high is not None:
            quality = (scores - self.low) / (self.high - self.low)
        elif self.low is not None:
            quality = F.softsign(scores.double() - self.low)
        elif self.high is not None:
            quality = 1 - F.softsign(self.high - scores.double())
        else:
            quality = (1 + F.softsign(scores.double())) / 2
        return 1 - quality if self.lower_is_better else quality

    def __str__(self) -> str:
        return f"[{self.stated}] {'lower' if self.lower_is_better else 'higher'} is better"
