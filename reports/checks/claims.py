"""`iqabench check --claims`: what the paper says of its method, as statements over a store.

Each statement is about SROCC on one dataset, of models with clean training as their own tables configure
them. It is evaluated on the models of the paper that were run, and says which were not; of several seeds it
takes the mean. A stand-in for a database is evaluated like any dataset and named as one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import pandas as pd

from ...bench.core.text import listing, number, plural
from ...bench.statistics.metrics import OK
from ...bench.store.condition import under
from ...bench.store.results import Results
from ..catalogue import STAND_IN, attack_name, dataset_name, model_name, ordered
from ..paper.ablation_cells import CONDITIONS, cprl_cells, over_pns
from ..paper.numbers import EPSILON
from ..paper.points import Point, grouped, point
from ..paper.selection import select
from ..published import paper_datasets, paper_models
from .check import FAILS, HOLDS, UNUSABLE, stand_ins, with_notes
from .comparison import ROUNDING
from .junit import Case, Outcome

Verdict = Literal["true", "false", "not run"]

METHOD = "cprl"  # the paper's own model; its others are the baselines
ATTACKS = ("fgsm", "pgd")  # the paper's attacks
MARGIN = 0.1  # distance that CPRL may be below the best SROCC without attack

_MASK_ALONE = "mask alone"
_OUTCOMES: dict[Verdict, Outcome] = {"true": "passed", "false": "failed", "not run": "skipped"}
_VERDICTS: dict[bool | None, Verdict] = {True: "true", False: "false", None: "not run"}

# whether a statement is true, None if it was not run; the numbers behind it, and the same in words
_Found = tuple[bool | None, Mapping[str, float], str]
_Scores = Mapping[tuple[str, str, float], float]  # by model, attack, epsilon; NaN without usable scores


@dataclass(frozen=True)
class Claim:
    """A statement of the paper on one dataset."""

    statement: str  # in words
    dataset: str
    stand_in: bool  # whether the dataset stands in for a database
    verdict: Verdict  # whether it is true of the store
    numbers: Mapping[str, float]  # what it rests on, by what it is: SROCCs, or how much SROCC rises
    evidence: str  # the same in words, and what was not run or has no usable scores


@dataclass(frozen=True)
class Claims:
    """All statements on all datasets: those of the paper and those of the store."""

    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = ()

    suite = "iqabench check --claims"
    """Name of the JUnit test suite."""

    @property
    def counts(self) -> dict[str, int]:
        """Count the claims that are true, false and not run."""
        verdicts = [claim.verdict for claim in self.claims]
        return {verdict: verdicts.count(verdict) for verdict in _OUTCOMES}

    @property
    def exit_status(self) -> int:
        """`FAILS` if a claim is false, `HOLDS` if others are true, `UNUSABLE` if none could be evaluated."""
        if self.counts["false"]:
            return FAILS
        return HOLDS if self.counts["true"] else UNUSABLE

    def record(self) -> dict[str, Any]:
        """Return the claims as JSON can hold them."""
        return {
            "verdict": ("true", "false", "nothing to evaluate")[self.exit_status],
            "exit_status": self.exit_status,
            "counts": self.counts,
            "claims": [asdict(claim) for claim in self.claims],
            "notes": list(self.notes),
        }

    def cases(self) -> Iterator[Case]:
        """Yield JUnit's cases: a false claim is a failure, one that was not run is skipped."""
        for claim in self.claims:
            name = f"{claim.statement}, on {dataset_name(claim.dataset)}"
            yield Case(claim.dataset, name, _OUTCOMES[claim.verdict], claim.verdict, claim.evidence)

    def text(self) -> str:
        """Return the counts, then what is false, what is true, what was not run, and the notes."""
        counts = ", ".join(f"{verdict} {count}" for verdict, count in self.counts.items())
        lines = [f"{plural(len(self.claims), 'claim')} of the paper: {counts}."]
        if not self.counts["true"] + self.counts["false"]:
            lines += ["Nothing to evaluate: `iqabench run --models all` computes what the claims are about."]
        for verdict in ("false", "true"):
            found = [claim for claim in self.claims if claim.verdict == verdict]
            lines += ["", f"{verdict.capitalize()}:"] if found else []
            for claim in found:
                mark = "*" if claim.stand_in else ""
                lines += [
                    f"  {dataset_name(claim.dataset)}{mark}: {claim.statement}.",
                    f"    {claim.evidence}",
                ]
        missing = [claim for claim in self.claims if claim.verdict == "not run"]
        lines += ["", "Not run:"] if missing else []
        for statement in dict.fromkeys(claim.statement for claim in missing):
            datasets = [dataset_name(claim.dataset) for claim in missing if claim.statement == statement]
            lines.append(f"  {statement}: on {listing(datasets)}")
        marked = dict.fromkeys(dataset_name(claim.dataset) for claim in self.claims if claim.stand_in)
        if marked:
            lines += ["", f"* {listing([*marked])} {STAND_IN}."]
        return with_notes(lines, self.notes)


def evaluate_claims(results: Results, tolerance: float) -> Claims:
    """Evaluate the paper's claims on every dataset of the results and of the paper.

    A rise of SROCC with epsilon of no more than the tolerance does not count.
    """
    frame = results.frame
    selection = select(results.only(frame["model"].isin(paper_models())))
    standing_in = stand_ins(frame)
    claims = []
    for dataset in ordered("dataset", [*paper_datasets(), *frame["dataset"]]):
        points = [found for found in selection.points if found.dataset == dataset]
        scores = {(found.model, found.attack, found.epsilon): _srocc(found) for found in points}
        found = [*_on_models(scores, tolerance), *_on_pns(frame[frame["dataset"] == dataset])]
        claims += [
            Claim(statement, dataset, dataset in standing_in, _VERDICTS[true], numbers, evidence)
            for statement, (true, numbers, evidence) in found
        ]
    return Claims(tuple(claims), selection.notes)


def _on_models(scores: _Scores, tolerance: float) -> Iterator[tuple[str, _Found]]:
    name = model_name(METHOD)
    attacks = {attack: under(attack, EPSILON, attack_name) for attack in ATTACKS}
    for attack, phrase in attacks.items():
        yield f"{name} has the best SROCC {phrase}", _within(_under(scores, attack), 0.0)
    for attack, phrase in attacks.items():
        yield f"Each baseline's SROCC falls by more than half {phrase}", _falls(scores, attack)
    statement = f"{name}'s SROCC without attack is within {MARGIN:g} of the best"
    yield statement, _within(_under(scores, "none", 0.0), MARGIN)
    for attack in ATTACKS:
        statement = f"A larger epsilon of {attack_name(attack)} never helps"
        yield statement, _never_helps(scores, attack, tolerance)


def _under(scores: _Scores, attack: str, epsilon: float = EPSILON) -> dict[str, float]:
    """Return the SROCC of each of the paper's models that was run, NaN where its scores are not usable."""
    run = [model for model in paper_models() if (model, attack, epsilon) in scores]
    return {model: scores[model, attack, epsilon] for model in run}


def _within(sroccs: Mapping[str, float], margin: float) -> _Found:
    """Tell whether CPRL is at most `margin` below the best of the paper's models."""
    usable = {model: value for model, value in sroccs.items() if not math.isnan(value)}
    rivals = [value for model, value in usable.items() if model != METHOD]
    numbers = {model_name(model): usable[model] for model in sorted(usable, key=lambda name: -usable[name])}
    evidence = _sentence(
        _listed(numbers),
        no_usable_scores=[model for model in sroccs if model not in usable],
        not_run=[model for model in paper_models() if model not in sroccs],
    )
    if METHOD not in sroccs or not rivals:
        return None, numbers, evidence
    return METHOD in usable and usable[METHOD] >= max(rivals) - margin - ROUNDING, numbers, evidence


def _falls(scores: _Scores, attack: str) -> _Found:
    """Tell whether every baseline that ranks images at all keeps less than half of its SROCC."""
    clean, attacked = _under(scores, "none", 0.0), _under(scores, attack)
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
        [f"{model_name(model)} {_number(clean[model])} → {_number(attacked[model])}" for model in evaluated],
        no_usable_scores=broken,
        no_positive_SROCC_to_lose=nothing_to_lose,
        not_run=[model for model in baselines if model not in run],
    )
    true = all(attacked[model] < clean[model] / 2 for model in evaluated)
    return true if evaluated else None, numbers, evidence


def _never_helps(scores: _Scores, attack: str, tolerance: float) -> _Found:
    """Tell whether no model's SROCC rises by more than the tolerance from one strength to any larger one."""
    rises = {}
    for model in paper_models():
        curve = sorted(
            (epsilon, value)
            for (name, kind, epsilon), value in scores.items()
            if name == model and kind in ("none", attack) and not math.isnan(value)
        )
        if sum(epsilon > 0 for epsilon, _ in curve) > 1:
            rises[model] = max((end[1] - start[1], start, end) for start, end in combinations(curve, 2))
    ranked = sorted(rises, key=lambda model: -rises[model][0])
    too_large = [model for model in ranked if rises[model][0] > tolerance + ROUNDING]
    numbers = {f"largest rise of {model_name(model)}": rises[model][0] for model in ranked}
    shown = {
        model: " → ".join(f"{_number(value)} at {epsilon:g}/255" for epsilon, value in rises[model][1:])
        for model in too_large or ranked[:1]
    }
    evidence = _sentence(
        [f"{model_name(model)} {ends}" for model, ends in shown.items()],
        not_run_at_two_strengths=[model for model in paper_models() if model not in rises],
    )
    return not too_large if rises else None, numbers, evidence


def _on_pns(frame: pd.DataFrame) -> Iterator[tuple[str, _Found]]:
    """Yield a statement for each condition and each setting of CPRL run with the PNS risk and without."""
    pairs = [cells for _, cells in grouped(over_pns(cprl_cells(frame)), ["b", "reading", "others"])]
    for attack, epsilon in CONDITIONS:
        statement = f"The PNS risk improves the mask alone {under(attack, epsilon, attack_name)}"
        for cells in pairs:
            found = cells[(cells["attack"] == attack) & (cells["epsilon"] == epsilon)]
            setting = f" (b = {cells['b'].iloc[0]:g}, {cells['reading'].iloc[0]})" if len(pairs) > 1 else ""
            yield statement + setting, _improves(found)
        if not pairs:
            yield statement, (None, {}, "")


def _improves(cells: pd.DataFrame) -> _Found:
    """Tell whether CPRL is better with the PNS risk, at each weight that was run, than without."""
    by_weight = sorted((weight, point(group)) for (weight,), group in grouped(cells, ["pns_weight"]))
    values = {f"PNS weight {weight:g}" if weight else _MASK_ALONE: _srocc(one) for weight, one in by_weight}
    numbers = {name: value for name, value in values.items() if not math.isnan(value)}
    broken = [f"{name}: no usable scores" for name in values if name not in numbers]
    evidence = ", ".join([*_listed(numbers), *broken])
    if _MASK_ALONE not in values or len(values) < 2:
        return None, numbers, evidence
    alone = values.pop(_MASK_ALONE)
    return all(value > alone for value in values.values()), numbers, evidence


def _srocc(found: Point) -> float:
    return found.measures["srocc"].value if found.status == OK else math.nan


def _number(value: float) -> str:
    return number(value, 3)


def _listed(numbers: Mapping[str, float]) -> list[str]:
    return [f"{name} {_number(value)}" for name, value in numbers.items()]


def _sentence(shown: Sequence[str], **models: Sequence[str]) -> str:
    """Return what was found, then the models that were left out, by reason."""
    missing = [
        f"{reason.replace('_', ' ')}: {listing([*map(model_name, names)])}"
        for reason, names in models.items()
        if names
    ]
    return "; ".join(filter(None, [", ".join(shown), *missing]))
