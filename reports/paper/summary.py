"""Computes what was found from the numbers. The sentences are in `wording`."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...bench.core.text import capitalised, interval, listing, number, plural
from ...bench.statistics.metrics import OK, Measure
from ...bench.store.condition import under
from ..catalogue import AUTO, PAPER_ATTACKS, attack_name, dataset_name, model_name, ordered
from . import wording
from .numbers import EPSILON
from .selection import Point, controls, has_worst_case

OVERSTATED = 0.2
"""Least distance of the SROCC under an attack of the paper above the worst case that is a finding."""

SPARED = 0.05  # greatest loss of SROCC under a control of which models count as spared

_DIGITS = 2
_SROCC = {"what": "correlation", "srocc": "SROCC", "an": "an"}
_WORST = {"what": "worst-case SROCC", "srocc": "worst-case SROCC", "an": "a"}

Ranking = Mapping[str, Measure]  # SROCC, or its worst case, by model, under one condition


@dataclass(frozen=True)
class Finding:
    """Findings on one dataset, in sentences."""

    dataset: str
    sentences: tuple[str, ...]


def overview(points: Sequence[Point], unlabelled: Sequence[Point] = ()) -> tuple[str, ...]:
    """Return what was run, in sentences: on images with labels, and on images without."""
    sentences = tuple(filter(None, _overview(points))) if points else ()
    if unlabelled:
        names = ordered("dataset", (point.dataset for point in unlabelled))
        return (
            *sentences,
            wording.UNLABELLED.format(datasets=listing([dataset_name(name) for name in names])),
        )
    return sentences or (wording.NOTHING,)


def findings(points: Sequence[Point]) -> tuple[Finding, ...]:
    """Return what the numbers say, by dataset."""
    return tuple(
        Finding(dataset_name(dataset), tuple(_on_dataset([p for p in points if p.dataset == dataset])))
        for dataset in ordered("dataset", (point.dataset for point in points))
    )


def _overview(points: Sequence[Point]) -> Iterator[str]:
    datasets = ordered("dataset", (point.dataset for point in points))
    yield wording.SCORED.format(
        models=plural(len({point.model for point in points}), "model"),
        datasets=listing([dataset_name(name) for name in datasets]),
    )
    attacks = [name for name in _attacks(points) if name not in controls(points)]
    if attacks:
        strengths = sorted({point.epsilon for point in points if point.attack in attacks})
        yield wording.ATTACKED.format(
            attacks=_names(attacks), epsilons=listing([f"{epsilon:g}" for epsilon in strengths])
        )
    if len(attacks) < len(_attacks(points)):
        yield wording.CONTROLS.format(attacks=_names(set(_attacks(points)).difference(attacks)))
    yield wording.SROCC_MEANS
    if has_worst_case(points):
        yield wording.WORST_CASE_MEANS.format(auto=attack_name(AUTO))
    yield wording.stand_ins(ordered("dataset", (point.dataset for point in points if point.stand_in)))


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
    for model in ordered("model", (point.model for point in points if point.status != OK)):
        statuses = [point.status for point in points if point.model == model and point.status != OK]
        yield wording.UNUSABLE.format(
            model=model_name(model), conditions=plural(len(statuses), "condition"), status=statuses[0]
        )


def _under_attack(points: Sequence[Point], attack: str, clean: Ranking) -> Iterator[str]:
    rankings = {
        epsilon: ranking
        for epsilon in sorted({point.epsilon for point in points if point.attack == attack})
        if (ranking := _ranking(points, attack, epsilon))
    }
    if not rankings:
        yield wording.NO_SROCC.format(attack=attack_name(attack))
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
        return wording.LOSES_MOST.format(
            attack=attack_name(attack), model=model_name(model), loss=number(loss, _DIGITS), epsilon=epsilon
        )
    strongest = max(epsilon for _, epsilon, _ in losses)
    bound = max(math.ceil(loss * 10**_DIGITS), 1) / 10**_DIGITS
    return wording.SPARED.format(attack=attack_name(attack), epsilon=strongest, loss=number(bound, _DIGITS))


def _in_the_worst_case(
    rankings: Mapping[float, Ranking], attack: str, epsilon: float, clean: Ranking
) -> Iterator[str]:
    """Say from which strength on nothing is left, then what is left at one strength."""
    fatal = [strength for strength in rankings if max(one.value for one in rankings[strength].values()) <= 0]
    name = attack_name(attack)
    if fatal:
        yield f"Under {name}, {wording.NONE_POSITIVE.format(**_WORST)} at {min(fatal):g}/255."
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
        yield wording.OVERSTATES.format(
            attack=attack_name(point.attack),
            model=model_name(point.model),
            gap=number(gap, _DIGITS),
            epsilon=point.epsilon,
            shown=number(point.srocc.value, _DIGITS),
            worst=number(point.srocc.value - gap, _DIGITS),
        )


def _doubted(points: Sequence[Point]) -> Iterator[str]:
    doubtful = (point for point in points if (point.attack, point.audit) == (AUTO, "doubtful"))
    models = ordered("model", (point.model for point in doubtful))
    if models:
        names = listing([model_name(model) for model in models])
        yield wording.DOUBTED_MODELS.format(models=names, auto=attack_name(AUTO))


def _attacks(points: Sequence[Point]) -> list[str]:
    return ordered("attack", {point.attack for point in points} - {"none"})


def _under(attack: str, epsilon: float) -> str:
    return capitalised(under(attack, epsilon, attack_name))


def _names(attacks: Iterable[str]) -> str:
    return listing([attack_name(name) for name in ordered("attack", attacks)])


def _ranking(points: Sequence[Point], attack: str, epsilon: float) -> Ranking:
    return {
        point.model: point.srocc
        for point in points
        if (point.attack, point.epsilon, point.status) == (attack, epsilon, OK)
    }


def _is_positive(ranking: Ranking) -> bool:
    """Return whether a model's interval lies above 0, or its value where it has no interval."""
    return any((one.value if math.isnan(one.low) else one.low) > 0 for one in ranking.values())


def _standing(ranking: Ranking, words: Mapping[str, str] = _SROCC) -> str:
    """Say, as a clause, which model ranks images best, or that none ranks them at all."""
    best = max(ranking, key=lambda model: ranking[model].value)
    value, low, high = ranking[best].value, ranking[best].low, ranking[best].high
    bounds = interval(low, high, _DIGITS).replace(" ", "\N{NO-BREAK SPACE}")
    shown = f"{number(value, _DIGITS)} {bounds}".strip()
    if value <= 0:
        return wording.NONE_POSITIVE.format(**words)
    if not _is_positive(ranking):
        return wording.NONE_BEYOND_CHANCE.format(value=shown, **words)
    if len(ranking) == 1:
        return wording.ALONE.format(model=model_name(best), value=shown, **words)
    rivals = ordered("model", (name for name in ranking if name != best and ranking[name].high >= low))
    if len(rivals) == len(ranking) - 1 > 1:
        return wording.NONE_AHEAD.format(model=model_name(best), value=shown, **words)
    text = wording.LEADS.format(model=model_name(best), value=shown, **words)
    if rivals:
        text += wording.TOO_CLOSE.format(models=listing([model_name(name) for name in rivals]))
    return text


def _losses(attacked: Ranking, clean: Ranking) -> Iterator[str]:
    """Say, in clauses, how many of several models lose most of what they had."""
    both = [model for model in attacked if model in clean and clean[model].value > 0]
    halved = [model for model in both if attacked[model].value < clean[model].value / 2]
    if len(both) > 1 and halved:
        yield wording.HALVED.format(count=len(halved), models=len(both))
        reverse = [model for model in ordered("model", both) if attacked[model].high < 0]
        if reverse and len(reverse) < len(both):
            yield wording.REVERSED.format(models=listing([model_name(name) for name in reverse]))
