"""What an indicator is, what it finds, and the report that findings make."""

import math
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from ..core.text import plural
from .evidence import Evidence

WIDTH = 100  # of the report for people


class Measured(NamedTuple):
    """The measurement of an indicator."""

    value: float | None  # to be compared with the threshold; None where the indicator does not apply
    sentence: str  # what the number means, in plain words


@dataclass(frozen=True)
class Indicator:
    """A sign that a robustness number cannot be believed."""

    name: str  # short, for programs
    threshold: float  # beyond which a model is doubtful
    source: str  # where the indicator comes from, and the threshold where it is published
    advice: str  # what to do next about a model that is flagged
    measure: Callable[[Evidence], Measured]
    doubtful: Literal["above", "below"] = "above"  # side of the threshold on which a model is doubtful

    def examine(self, evidence: Evidence) -> "Finding":
        """Return what the indicator finds in the evidence."""
        value, sentence = self.measure(evidence)
        return Finding(self.name, value, self.threshold, self.doubtful, sentence, self.source, self.advice)


def indicator(
    name: str, *, threshold: float, source: str, advice: str, doubtful: Literal["above", "below"] = "above"
) -> Callable[[Callable[[Evidence], Measured]], Indicator]:
    """Return a decorator that makes an `Indicator` of the function that measures it."""
    return lambda measure: Indicator(name, threshold, source, advice, measure, doubtful)


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
    """The audit of one model."""

    findings: list[Finding]  # one for each indicator, in order
    images: int  # how many images the model was audited on
    srocc: float  # of the clean scores of these images
    stochastic: bool  # whether the model says that its passes differ

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

    def in_words(self, model: str) -> str:
        """Return the report for people: a table with a sentence for each indicator, then what to do next."""
        names = max(len(finding.indicator) for finding in self.findings)
        lines = [f"{'indicator':{names}}  {'found':>8}  {'doubtful':>9}  "]
        for finding in self.findings:
            value = "-" if finding.value is None else f"{finding.value:.2g}"
            limit = f"{'>' if finding.doubtful == 'above' else '<'} {finding.threshold:g}"
            mark = "!" if finding.flagged else " "
            lines.append(f"{finding.indicator:{names}}  {value:>8}  {limit:>9} {mark}")
            lines += textwrap.wrap(finding.sentence, WIDTH, initial_indent="    ", subsequent_indent="    ")
        flagged = len(self.flagged)
        signs = f"{flagged} of {len(self.findings)} indicators" if flagged else "no indicator"
        lines += ["", f"{model}: {self.verdict}; flagged by {signs}, on {plural(self.images, 'image')}."]
        for finding in self.flagged:
            lines += textwrap.wrap(f"{finding.indicator}: {finding.advice}", WIDTH, subsequent_indent="    ")
        return "\n".join(lines)
