"""Counts what the search of an attack did, for the diagnostics of its cells."""

from dataclasses import dataclass, field
from typing import Any

from ....attacks.tools.victim import SearchRecord


@dataclass
class Tally:
    """Counts of a search, taken for each epsilon."""

    record: SearchRecord = field(default_factory=SearchRecord)  # which the attack fills
    _before: dict[str, int] = field(default_factory=dict)
    _rests_on: dict[str, int] = field(default_factory=dict)

    def since(self) -> dict[str, Any]:
        """Return the counts since the last call, for a cell's diagnostics.

        Images that needed no gradient of their own, such as FGSM's of a larger epsilon, are made from the
        gradients that were taken last, and have their counts.

        For a black-box search, `query_gain` is the sum over ends of the rise of the best value after each
        number of queries, and `query_ends` is the number of ends.
        """
        record = self.record
        gradients = {
            "gradients": record.gradients,
            "zero_gradients": record.zero,
            "nonfinite_gradients": record.nonfinite,
        }
        now = dict(gradients)
        if record.returned:
            now |= {f"{kind}_images": getattr(record, kind) for kind in ("returned", "unmoved", "risen")}
        told: dict[str, Any] = {key: count - self._before.get(key, 0) for key, count in now.items()}
        self._before = now
        if told["gradients"]:
            self._rests_on = {key: told[key] for key in gradients}
        told |= self._rests_on
        if watched := round(record.watched, 4):
            told["watched"] = watched
        if record.views:
            told["views"] = sorted(record.views)
        curves = [curve for of_epsilon in record.query_curve.values() for curve in of_epsilon]
        record.query_curve.clear()
        if curves:
            starts = [curve[min(curve)] for curve in curves]
            told["query_ends"] = sum(len(start) for start in starts)
            told["query_gain"] = {
                str(queries): sum(
                    float((curve[queries] - start).sum())
                    for curve, start in zip(curves, starts, strict=True)
                    if queries in curve
                )
                for queries in sorted({count for curve in curves for count in curve})
            }
        return told
