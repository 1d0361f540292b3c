"""What an indicator is, what it finds, and the report that findings make."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from .evidence import Evidence


class Measured(NamedTuple):
    """The measurement of an indicator.

    Attributes:
        value: The number to be compared with the threshold; None where the indicator does not apply.
        sentence: What the number means, in plain words.
    """

    value: float | None
    sentence: str


@dataclass(frozen=True)
class Indicator:
    """A sign that a robustness number cannot be believed.

    Attributes:
        name: Short, for programs.
        threshold: A model is doubtful beyond it.
        source: Where the indicator comes from, and the threshold where it is published.
        advice: What to do next about a model that is flagged.
        measure: Takes the number from the evidence.
        doubtful: On which side of the threshold a model is doubtful.
    """

    name: str
    threshold: float
    source: str
    advice: str
    measure: Callable[[Evidence], Measured]
    doubtful: Literal["above", "below"] = "above"

    def examine(self, evidence: Evidence) -> "Finding":
        """Return what the indicator finds in the evidence."""
        value, sentence = self.measure(evidence)
        return Finding(self.name, value, self.threshold, self.doubtful, sentence, self.source, self.advice)


@dataclass(frozen=True)
class Finding:
    """The finding of one indicator on one model; the attributes are those of `Indicator` and `Measured`."""

    indicator: str
    value: float | None
    threshold: float
    doubtful: Literal["above", "below"]
    sentence: str
    source: str
    advice: str

    @property
    def flagged(self) -> bool:
        """True where the number is beyond its threshold, or not a number."""
        if self.value is None:
            return False
        return not (
            self.value <= self.threshold if self.doubtful == "above" else self.value >= self.threshold
        )

    def record(self) -> dict[str, Any]:
        """Return the finding as JSON holds it; a number that is not finite is null, and flagged."""
        value = None if self.value is None or not math.isfinite(self.value) else round(self.value, 6)
        return {"indicator": self.indicator, "flagged": self.flagged, **asdict(self), "value": value}


@dataclass(frozen=True)
class Report:
    """The audit of one model.

    Attributes:
        findings: One for each indicator, in order.
        images: How many images the model was audited on.
        srocc: Of the clean scores of these images.
        stochastic: Whether the model says that its passes differ.
    """

    findings: list[Finding]
    images: int
    srocc: float
    stochastic: bool

    @property
    def verdict(self) -> Literal["sound", "doubtful"]:
        """`doubtful` where at least one indicator is flagged."""
        return "doubtful" if self.flagged else "sound"

    @property
    def flagged(self) -> list[Finding]:
        """The findings beyond their thresholds."""
        return [finding for finding in self.findings if finding.flagged]

    def record(self) -> dict[str, Any]:
        """Return the whole report as JSON holds it."""
        return {
            "verdict": self.verdict,
            "images": self.images,
            "srocc": None if self.srocc != self.srocc else round(self.srocc, 6),
            "stochastic": self.stochastic,
            "findings": [finding.record() for finding in self.findings],
        }
