"""Computes what was found from the numbers, and says it in sentences."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...bench.core.text import capitalised, interval, listing, number, plural
from ...bench.statistics.metrics import OK, Measure
from ...bench.store.condition import under
from ..catalogue import AUTO, PAPER_ATTACKS, attack_name, dataset_name, model_name, ordered
from . import wording
from .numbers import EPSILON
from .points import Point, by, controls, has_worst_case

OVERSTATED = 0.2
"""Least distance of the SROCC under an attack of the paper above the worst case that is a finding."""

SPARED = 0.05  # greatest loss of SROCC under a control of which models count as spared

_DIGITS = 2
_CORRELATION, _WORST = "correlation", "worst-case SROCC"  # what a ranking is by

Ranking = Mapping[str, Measure]  # SROCC, or its worst case, by model, under one condition


@dataclass(frozen=True)
class Finding:
    """Findings on one dataset, in sentences."""

    dataset: str
    sentences: tuple[str, ...]


def overview(points: Sequence[Point], unlabelled: Sequence[Point] = ()) -> tuple[str, ...]:
    """Return what was run, in sentences: on images with labels, and on images without."""
    sentences = [sentence for sentence in _overview(points) if sentence] if points else []
    if unlabelled:
        sentences.append(
            f"The images of {_datasets(unlabelled)} have no labels, so there is no SROCC of them. Table U "
            "says how far attacks move their scores."
        )
    nothing = (
        "The store holds no cell of a model with clean training as its own table configures it, which is "
        "what the summary and Tables 1, 2 and 4 show."
    )
    return tuple(sentences) or (nothing,)


def findings(points: Sequence[Point]) -> tuple[Finding, ...]:
    """Return what the numbers say, by dataset."""
    return tuple(
        Finding(dataset_name(dataset), tuple(_on_dataset(here)))
        for dataset, here in by("dataset", points).items()
    )


def _overview(points: Sequence[Point]) -> Iterator[str]:
    models = plural(len(by("model", points)), "model")
    yield f"The results are of {models} on {_datasets(points)}."
    attacks = [name for name in _attacks(points) if name not in controls(points)]
    if attacks:
        strengths = sorted({point.epsilon for point in points if point.attack in attacks})
        yield (
            f"The images were attacked by {_names(attacks)}, which changed a pixel by at most "
            f"{listing([f'{epsilon:g}' for epsilon in strengths])}/255."
        )
    if further := [name for name in _attacks(points) if name not in attacks]:
        yield f"As a control they were changed as much by {_names(further)}, without looking at the model."
    yield (
        "SROCC says how well a model ranks images by quality: 1 is the order of the labels, 0 is chance, "
        "−1 the reverse."
    )
    if has_worst_case(points):
        yield (
            f"The worst-case SROCC under {attack_name(AUTO)} is what is left when every image is changed, "
            "within that strength, so that the ranking suffers most; it is the number to believe."
        )
    yield wording.stand_ins(by("dataset", (point for point in points if point.stand_in)))


def _on_dataset(points: Sequence[Point]) -> Iterator[str]:
    clean = _ranking(points, "none", 0.0)
    if clean:
        yield f"{_under('none', 0.0)}, {_standing(clean)}."
    for attack in _attacks(points):
        if attack in controls(points) and (losses := _losses_under(points, attack, clean)):
            yield _under_control(attack, losses)
            continue
        yield " ".join(_under_attack(points, attack, clean))
        if attack == AUTO:
            yield from _overstated(points)
            yield from _doubted(points)
    for model, found in by("model", (point for point in points if point.status != OK)).items():
        conditions = plural(len(found), "condition")
        yield f"{model_name(model)} gave no usable numbers under {conditions}: {found[0].status}."


def _under_attack(points: Sequence[Point], attack: str, clean: Ranking) -> Iterator[str]:
    rankings = {
        epsilon: ranking
        for epsilon in sorted({point.epsilon for point in points if point.attack == attack})
        if (ranking := _ranking(points, attack, epsilon))
    }
    if not rankings:
        yield f"No model has an SROCC under {attack_name(attack)}."
        return
    epsilon = EPSILON if EPSILON in rankings else min(rankings)
    if any(point.worst_case for point in points if point.attack == attack):
        yield from _in_the_worst_case(rankings, attack, epsilon, clean)
        return
    clauses = [*_losses(rankings[epsilon], clean), _standing(rankings[epsilon])]
    yield f"{_under(attack, epsilon)}, {'; '.join(clauses)}."
    stronger = [strength for strength in rankings if strength > epsilon]
    if stronger and _is_positive(rankings[epsilon]):
        fatal = [strength for strength in stronger if not _is_positive(rankings[strength])]
        shown = min(fatal, default=max(stronger))
        yield f"At {shown:g}/255, {_standing(rankings[shown])}."


def _losses_under(points: Sequence[Point], attack: str, clean: Ranking) -> list[tuple[float, float, str]]:
    """Return how much of its clean SROCC each model loses at each epsilon: (loss, epsilon, model)."""
    return [
        (clean[point.model].value - point.srocc.value, point.epsilon, point.model)
        for point in points
        if point.attack == attack and point.status == OK and point.model in clean
    ]


def _under_control(attack: str, losses: Sequence[tuple[float, float, str]]) -> str:
    loss, epsilon, model = max(losses)
    if loss > SPARED:
        return (
            f"Under {attack_name(attack)}, {model_name(model)} loses most: {number(loss, _DIGITS)} of its "
            f"SROCC at {epsilon:g}/255."
        )
    strongest = max(epsilon for _, epsilon, _ in losses)
    bound = max(math.ceil(loss * 10**_DIGITS), 1) / 10**_DIGITS
    return (
        f"Under {attack_name(attack)} of up to {strongest:g}/255, no model loses more than "
        f"{number(bound, _DIGITS)} of its SROCC."
    )


def _in_the_worst_case(
    rankings: Mapping[float, Ranking], attack: str, epsilon: float, clean: Ranking
) -> Iterator[str]:
    """Say from which strength on nothing is left, then what is left at one strength."""
    fatal = [strength for strength in rankings if max(one.value for one in rankings[strength].values()) <= 0]
    name = attack_name(attack)
    if fatal:
        yield f"Under {name}, no model keeps a positive {_WORST} at {min(fatal):g}/255."
    clauses = [*_losses(rankings[epsilon], clean)]
    if epsilon not in fatal:
        clauses.append(_standing(rankings[epsilon], _WORST))
    if clauses:
        place = f"At {epsilon:g}/255" if fatal else _under(attack, epsilon)
        yield f"{place}, {'; '.join(clauses)}."
    strongest = max(rankings)
    if not fatal and strongest > epsilon:
        yield f"At {strongest:g}/255, {_standing(rankings[strongest], _WORST)}."


def _overstated(points: Sequence[Point]) -> Iterator[str]:
    """Say of the paper's attacks where one is furthest above the worst case, if it is far above it."""
    worst = {
        (point.model, point.epsilon): point.srocc.value
        for point in points
        if point.attack == AUTO and point.worst_case
    }
    gaps = [
        (point.srocc.value - worst[point.model, point.epsilon], point)
        for point in points
        if point.attack in PAPER_ATTACKS and (point.model, point.epsilon) in worst
    ]
    gap, point = max(gaps, key=lambda found: (found[0] > OVERSTATED, found[0]), default=(0.0, None))
    if point and gap > OVERSTATED:
        srocc = point.srocc.value
        above, shown, left = (number(value, _DIGITS) for value in (gap, srocc, srocc - gap))
        yield (
            f"{attack_name(point.attack)} overstates {model_name(point.model)} by {above} at "
            f"{point.epsilon:g}/255: it leaves an SROCC of {shown}, the worst case is {left}."
        )


def _doubted(points: Sequence[Point]) -> Iterator[str]:
    doubtful = by("model", (point for point in points if (point.attack, point.audit) == (AUTO, "doubtful")))
    if doubtful:
        yield (
            f"The audit finds {_models(doubtful)} doubtful: the numbers under {attack_name(AUTO)} may be too "
            "high."
        )


def _attacks(points: Sequence[Point]) -> list[str]:
    return [attack for attack in by("attack", points) if attack != "none"]


def _under(attack: str, epsilon: float) -> str:
    return capitalised(under(attack, epsilon, attack_name))


def _names(attacks: Iterable[str]) -> str:
    return listing([attack_name(name) for name in attacks])


def _models(names: Iterable[str]) -> str:
    return listing([model_name(name) for name in ordered("model", names)])


def _datasets(points: Iterable[Point]) -> str:
    return listing([dataset_name(name) for name in by("dataset", points)])


def _ranking(points: Sequence[Point], attack: str, epsilon: float) -> Ranking:
    return {
        point.model: point.srocc
        for point in points
        if (point.attack, point.epsilon, point.status) == (attack, epsilon, OK)
    }


def _is_positive(ranking: Ranking) -> bool:
    """Return whether a model's interval lies above 0, or its value where it has no interval."""
    return any((one.value if math.isnan(one.low) else one.low) > 0 for one in ranking.values())


def _standing(ranking: Ranking, what: str = _CORRELATION) -> str:
    """Say, as a clause, which model ranks images best, or that none ranks them at all."""
    srocc = _WORST if what == _WORST else "SROCC"
    best = max(ranking, key=lambda model: ranking[model].value)
    value, low, high = ranking[best].value, ranking[best].low, ranking[best].high
    bounds = interval(low, high, _DIGITS).replace(" ", "\N{NO-BREAK SPACE}")
    shown = f"{number(value, _DIGITS)} {bounds}".strip()
    if value <= 0:
        return f"no model keeps a positive {what}"
    if not _is_positive(ranking):
        return f"no model's {what} can be told from 0: the largest {srocc} is {shown}"
    if len(ranking) == 1:
        return f"{model_name(best)} has {'a' if what == _WORST else 'an'} {srocc} of {shown}"
    rivals = [name for name in ranking if name != best and ranking[name].high >= low]
    if len(rivals) == len(ranking) - 1 > 1:
        return (
            f"no model stands out: the highest {srocc} is that of {model_name(best)}, {shown}, and its "
            "interval overlaps with those of all others"
        )
    overlap = f" (its interval overlaps with {_models(rivals)})" if rivals else ""
    return f"{model_name(best)} has the highest {srocc}, {shown}{overlap}"


def _losses(attacked: Ranking, clean: Ranking) -> Iterator[str]:
    """Say, in clauses, how many of several models lose most of what they had."""
    both = [model for model in attacked if model in clean and clean[model].value > 0]
    halved = [model for model in both if attacked[model].value < clean[model].value / 2]
    if len(both) > 1 and halved:
        yield f"{len(halved)} of {len(both)} models keep less than half of the clean SROCC"
        reverse = [model for model in both if attacked[model].high < 0]
        if reverse and len(reverse) < len(both):
            yield f"images are ranked in reverse by {_models(reverse)}"
