"""`iqabench check --claims`: what the paper says of its method, as statements over a store.

Each statement is about SROCC on one dataset, of models with clean training as their own tables configure
them. It is evaluated on the models of the paper that were run, and says which were not; of several seeds it
takes the mean. A stand-in for a database is evaluated like any dataset and named as one.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple

import pandas as pd

from ...bench.core.text import listing, number, plural
from ...bench.statistics.metrics import OK
from ...bench.store.results import Results
from ..catalogue import STAND_IN, attack_name, dataset_name, model_name, ordered
from ..paper.ablation_cells import CONDITIONS, cprl_cells, over_pns
from ..paper.numbers import EPSILON
from ..paper.selection import Point, grouped, point, select
from ..published import paper_datasets, paper_models
from .check import FAILS, HOLDS, UNUSABLE, stand_ins
from .comparison import ROUNDING
from .junit import Case

Verdict = Literal["true", "false", "not run"]

METHOD = "cprl"
"""The paper's own model; its others are the baselines."""

ATTACKS = ("fgsm", "pgd")
"""The paper's attacks."""

MARGIN = 0.1
"""How far CPRL may be below the best SROCC without attack."""

_METRIC = "srocc"
_MASK_ALONE = "mask alone"

_DIGITS = 3

_Found = tuple[Verdict, Mapping[str, float], str]  # verdict, the numbers behind it, the same in words


@dataclass(frozen=True)
class Claim:
    """A statement of the paper on one dataset.

    Attributes:
        statement: In words.
        dataset: Registered name.
        stand_in: Whether the dataset stands in for a database.
        verdict: Whether it is true of the store.
        numbers: What it rests on, by what it is: SROCCs, or how much SROCC rises.
        evidence: The same in words, and what was not run or has no usable scores.
    """

    statement: str
    dataset: str
    stand_in: bool
    verdict: Verdict
    numbers: Mapping[str, float]
    evidence: str


@dataclass(frozen=True)
class Claims:
    """All statements on all datasets: those of the paper and those of the store."""

    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = ()

    suite = "iqabench check --claims"
    """Name of the JUnit test suite."""

    @property
    def counts(self) -> dict[str, int]:
        """How many are true, false and not run."""
        verdicts = [claim.verdict for claim in self.claims]
        return {verdict: verdicts.count(verdict) for verdict in ("true", "false", "not run")}

    @property
    def exit_status(self) -> int:
        """0: all that could be evaluated are true; 1: one is false; 2: none could be evaluated."""
        if self.counts["false"]:
            return FAILS
        return HOLDS if self.counts["true"] else UNUSABLE

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verdict": ("true", "false", "nothing to evaluate")[self.exit_status],
            "exit_status": self.exit_status,
            "counts": self.counts,
            "claims": [asdict(claim) for claim in self.claims],
            "notes": list(self.notes),
        }

    def cases(self) -> Iterator[Case]:
        """For JUnit: a false claim is a failure, one that was not run is skipped."""
        outcomes: dict[Verdict, Any] = {"true": "passed", "false": "failed", "not run": "skipped"}
        for claim in self.claims:
            name = f"{claim.statement}, on {dataset_name(claim.dataset)}"
            yield Case(claim.dataset, name, outcomes[claim.verdict], claim.verdict, claim.evidence)

    def text(self) -> str:
        """For people: counts, what is false, what is true, what was not run."""
        counts = ", ".join(f"{verdict} {count}" for verdict, count in self.counts.items())
        lines = [f"{plural(len(self.claims), 'claim')} of the paper: {counts}."]
        if self.exit_status == UNUSABLE:
            lines += ["Nothing to evaluate: `iqabench run --models all` computes what the claims are about."]
        for verdict in ("false", "true"):
            found = [claim for claim in self.claims if claim.verdict == verdict]
            if found:
                lines += ["", f"{verdict.capitalize()}:"]
            for claim in found:
                mark = "*" if claim.stand_in else ""
                lines += [
                    f"  {dataset_name(claim.dataset)}{mark}: {claim.statement}.",
                    f"    {claim.evidence}",
                ]
        lines += self._not_run()
        marked = dict.fromkeys(dataset_name(claim.dataset) for claim in self.claims if claim.stand_in)
        if marked:
            lines += ["", f"* {listing([*marked])} {STAND_IN}."]
        if self.notes:
            lines += ["", *self.notes]
        return "\n".join(lines) + "\n"

    def _not_run(self) -> list[str]:
        missing = [claim for claim in self.claims if claim.verdict == "not run"]
        if not missing:
            return []
        lines = ["", "Not run:"]
        for statement in dict.fromkeys(claim.statement for claim in missing):
            places = [dataset_name(claim.dataset) for claim in missing if claim.statement == statement]
            lines.append(f"  {statement}: on {listing(places)}")
        return lines


def evaluate_claims(results: Results, tolerance: float) -> Claims:
    """Evaluate the paper's claims on every dataset of a results table and of the paper.

    Args:
        results: From `read_results`.
        tolerance: Of SROCC: a rise with epsilon of no more than this is no help.
    """
    frame = results.frame
    selection = select(results.only(frame["model"].isin(paper_models())))
    standing_in = stand_ins(frame)
    claims = []
    for dataset in ordered("dataset", [*paper_datasets(), *frame["dataset"]]):
        scores = _Scores([point for point in selection.points if point.dataset == dataset])
        statements = [
            *_on_models(scores, tolerance),
            *_on_pns(frame[frame["dataset"] == dataset]),
        ]
        claims += [
            Claim(statement, dataset, dataset in standing_in, *found) for statement, found in statements
        ]
    return Claims(tuple(claims), selection.notes)


class _Scores:
    """SROCC of the paper's models on one dataset."""

    def __init__(self, points: Iterable[Point]) -> None:
        self._points = {(found.model, found.attack, found.epsilon): found for found in points}

    def of(self, model: str, attack: str, epsilon: float) -> float | None:
        """A model's SROCC; NaN if its scores are not usable, None if it was not run."""
        found = self._points.get((model, attack, epsilon))
        if found is None:
            return None
        return _srocc(found)

    def under(self, attack: str, epsilon: float) -> dict[str, float]:
        """SROCC of each of the paper's models that was run."""
        found = {model: self.of(model, attack, epsilon) for model in paper_models()}
        return {model: value for model, value in found.items() if value is not None}

    def over_epsilon(self, model: str, attack: str) -> dict[float, float]:
        """A model's SROCC by strength of an attack, without attack at 0; no entry where it is not usable."""
        strengths = sorted({epsilon for _, kind, epsilon in self._points if kind == attack})
        clean = {0.0: self.of(model, "none", 0.0)}
        found = clean | {epsilon: self.of(model, attack, epsilon) for epsilon in strengths}
        return {
            epsilon: value for epsilon, value in found.items() if value is not None and not math.isnan(value)
        }


def _on_models(scores: _Scores, tolerance: float) -> Iterator[tuple[str, _Found]]:
    name = model_name(METHOD)
    for attack in ATTACKS:
        under = f"under {attack_name(attack)} at {EPSILON:g}/255"
        yield f"{name} has the best SROCC {under}", _within(scores.under(attack, EPSILON), 0.0)
    for attack in ATTACKS:
        under = f"under {attack_name(attack)} at {EPSILON:g}/255"
        yield f"Each baseline's SROCC falls by more than half {under}", _falls(scores, attack)
    yield (
        f"{name}'s SROCC without attack is within {MARGIN:g} of the best",
        _within(scores.under("none", 0.0), MARGIN),
    )
    for attack in ATTACKS:
        yield (
            f"A larger epsilon of {attack_name(attack)} never helps",
            _never_helps(scores, attack, tolerance),
        )


def _within(under: Mapping[str, float], margin: float) -> _Found:
    """Whether CPRL is at most `margin` below the best of the paper's models."""
    usable = {model: value for model, value in under.items() if not math.isnan(value)}
    rivals = [value for model, value in usable.items() if model != METHOD]
    numbers = {model_name(model): usable[model] for model in sorted(usable, key=lambda name: -usable[name])}
    evidence = _sentence(
        [f"{name} {number(value, _DIGITS)}" for name, value in numbers.items()],
        no_usable_scores=[model for model in under if model not in usable],
        not_run=[model for model in paper_models() if model not in under],
    )
    if METHOD not in under or not rivals:
        return "not run", numbers, evidence
    true = METHOD in usable and usable[METHOD] >= max(rivals) - margin - ROUNDING
    return _verdict(true), numbers, evidence


def _falls(scores: _Scores, attack: str) -> _Found:
    """Whether every baseline that ranks images at all keeps less than half of its SROCC."""
    clean, attacked = scores.under("none", 0.0), scores.under(attack, EPSILON)
    baselines = [model for model in paper_models() if model != METHOD]
    run = [model for model in baselines if model in clean and model in attacked]
    broken = [model for model in run if math.isnan(clean[model] + attacked[model])]
    nothing_to_lose = [model for model in run if clean[model] <= 0]
    evaluated = [model for model in run if model not in [*broken, *nothing_to_lose]]
    numbers = {
        f"{model_name(model)} {condition}": values[model]
        for model in evaluated
        for condition, values in (("none", clean), (attack, attacked))
    }
    evidence = _sentence(
        [
            f"{model_name(model)} {number(clean[model], _DIGITS)} → {number(attacked[model], _DIGITS)}"
            for model in evaluated
        ],
        no_usable_scores=broken,
        no_positive_SROCC_to_lose=nothing_to_lose,
        not_run=[model for model in baselines if model not in run],
    )
    if not evaluated:
        return "not run", numbers, evidence
    return _verdict(all(attacked[model] < clean[model] / 2 for model in evaluated)), numbers, evidence


def _never_helps(scores: _Scores, attack: str, tolerance: float) -> _Found:
    """Whether no model's SROCC rises by more than the tolerance from one strength to any larger one."""
    curves = {model: scores.over_epsilon(model, attack) for model in paper_models()}
    evaluated = {model: curve for model, curve in curves.items() if sum(map(bool, curve)) > 1}
    rises = {model: _largest_rise(curve) for model, curve in evaluated.items()}
    ranked = sorted(rises, key=lambda model: -rises[model].size)
    too_large = [model for model in ranked if rises[model].size > tolerance + ROUNDING]
    numbers = {f"largest rise of {model_name(model)}": rises[model].size for model in ranked}
    evidence = _sentence(
        [f"{model_name(model)} {rises[model].phrase}" for model in too_large or ranked[:1]],
        not_run_at_two_strengths=[model for model in paper_models() if model not in evaluated],
    )
    if not evaluated:
        return "not run", numbers, evidence
    return _verdict(not too_large), numbers, evidence


class _Rise(NamedTuple):
    """The change of SROCC from one strength of an attack to a larger one."""

    size: float
    start: tuple[float, float]  # epsilon and SROCC
    end: tuple[float, float]

    @property
    def phrase(self) -> str:
        ends = [f"{number(value, _DIGITS)} at {epsilon:g}/255" for epsilon, value in (self.start, self.end)]
        return f"{' → '.join(ends)}"


def _largest_rise(curve: Mapping[float, float]) -> _Rise:
    """Over all pairs of strengths; negative if SROCC only falls."""
    pairs = combinations(sorted(curve.items()), 2)
    return max(_Rise(end[1] - start[1], start, end) for start, end in pairs)


def _on_pns(results: pd.DataFrame) -> Iterator[tuple[str, _Found]]:
    """One statement for each condition and each setting of CPRL run with the PNS risk and without."""
    pairs = [cells for _, cells in grouped(over_pns(cprl_cells(results)), ["b", "reading", "others"])]
    for attack, epsilon in CONDITIONS:
        under = "without attack" if attack == "none" else f"under {attack_name(attack)} at {epsilon:g}/255"
        statement = f"The PNS risk improves the mask alone {under}"
        for cells in pairs:
            found = cells[(cells["attack"] == attack) & (cells["epsilon"] == epsilon)]
            setting = f" (b = {cells['b'].iloc[0]:g}, {cells['reading'].iloc[0]})" if len(pairs) > 1 else ""
            yield statement + setting, _improves(found)
        if not pairs:
            yield statement, ("not run", {}, "")


def _improves(cells: pd.DataFrame) -> _Found:
    """Whether CPRL is better with the PNS risk, at each weight that was run, than without."""
    by_weight = sorted((weight, point(group)) for (weight,), group in grouped(cells, ["pns_weight"]))
    values = {
        (f"PNS weight {weight:g}" if weight else _MASK_ALONE): _srocc(found) for weight, found in by_weight
    }
    numbers = {name: value for name, value in values.items() if not math.isnan(value)}
    broken = [f"{name}: no usable scores" for name in values if name not in numbers]
    evidence = ", ".join([*(f"{name} {number(value, _DIGITS)}" for name, value in numbers.items()), *broken])
    if _MASK_ALONE not in values or len(values) < 2:
        return "not run", numbers, evidence
    alone = values.pop(_MASK_ALONE)
    return _verdict(all(value > alone for value in values.values())), numbers, evidence


def _srocc(found: Point) -> float:
    return found.measures[_METRIC].value if found.status == OK else math.nan


def _verdict(true: bool) -> Verdict:
    return "true" if true else "false"


def _sentence(shown: Sequence[str], **models: Sequence[str]) -> str:
    """What was found, then the models of which it was not, by reason."""
    missing = [
        f"{reason.replace('_', ' ')}: {listing([*map(model_name, names)])}"
        for reason, names in models.items()
        if names
    ]
    return "; ".join(filter(None, [", ".join(shown), *missing]))
