"""What was found, in plain words, computed from the numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...bench.core.text import agreeing, interval, listing, number, plural
from ...bench.store.metrics import OK, Measure
from ..catalogue import STAND_IN, attack_name, dataset_name, model_name, ordered
from .selection import Point
from .tables import EPSILON

METRIC = "srocc"
_DIGITS = 2

Ranking = Mapping[str, Measure]  # SROCC by model, under one condition


@dataclass(frozen=True)
class Finding:
    """What was found on one dataset, in sentences."""

    dataset: str
    sentences: tuple[str, ...]


def overview(points: Sequence[Point]) -> tuple[str, ...]:
    """What was run, in sentences."""
    if not points:
        return (
            "The store holds no cell of a model with clean training as its own table configures it, which is "
            "what the summary and Tables 1, 2 and 4 show.",
        )
    return tuple(_overview(points))


def findings(points: Sequence[Point]) -> tuple[Finding, ...]:
    """What the numbers say, by dataset."""
    return tuple(
        Finding(dataset_name(dataset), tuple(_on_dataset([p for p in points if p.dataset == dataset])))
        for dataset in ordered("dataset", (point.dataset for point in points))
    )


def _overview(points: Sequence[Point]) -> Iterator[str]:
    models = {point.model for point in points}
    datasets = listing([dataset_name(name) for name in ordered("dataset", (p.dataset for p in points))])
    yield f"{plural(len(models), 'model')} {'was' if len(models) == 1 else 'were'} scored on {datasets}."
    attacks = listing([attack_name(name) for name in ordered("attack", _attacks(points))])
    if attacks:
        epsilons = sorted({point.epsilon for point in points if point.attack != "none"})
        strengths = listing([f"{epsilon:g}" for epsilon in epsilons])
        yield f"The images were attacked by {attacks}, which changed a pixel by at most {strengths}/255."
    yield (
        "SROCC says how well a model ranks images by quality: 1 is the order of the labels, 0 is chance, "
        "−1 the reverse."
    )
    stand_ins = ordered("dataset", (point.dataset for point in points if point.stand_in))
    if stand_ins:
        yield f"{listing([dataset_name(name) for name in stand_ins])} {STAND_IN}."


def _on_dataset(points: Sequence[Point]) -> Iterator[str]:
    clean = _ranking(points, "none", 0.0)
    if clean:
        yield f"Without attack, {_leader(clean)}."
    for attack in ordered("attack", _attacks(points)):
        yield " ".join(_under_attack(points, attack, clean))
    for model in ordered("model", (point.model for point in points if point.status != OK)):
        statuses = [point.status for point in points if point.model == model and point.status != OK]
        where = plural(len(statuses), "condition")
        yield f"{model_name(model)} gave no usable numbers under {where}: {statuses[0]}."


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
    attacked = rankings[epsilon]
    yield f"Under {attack_name(attack)} at {epsilon:g}/255, {_falls(attacked, clean)}{_leader(attacked)}."
    strongest = max(rankings)
    if strongest > epsilon:
        yield f"At {strongest:g}/255, {_leader(rankings[strongest])}."


def _attacks(points: Sequence[Point]) -> set[str]:
    return {point.attack for point in points} - {"none"}


def _ranking(points: Sequence[Point], attack: str, epsilon: float) -> Ranking:
    return {
        point.model: point.measures[METRIC]
        for point in points
        if (point.attack, point.epsilon, point.status) == (attack, epsilon, OK)
    }


def _leader(ranking: Ranking) -> str:
    best = max(ranking, key=lambda model: ranking[model].value)
    value, low, high = ranking[best].value, ranking[best].low, ranking[best].high
    bounds = interval(low, high, _DIGITS).replace(" ", "\N{NO-BREAK SPACE}")
    shown = f"{number(value, _DIGITS)} {bounds}".strip()
    text = f"{model_name(best)} has {'the highest SROCC,' if len(ranking) > 1 else 'an SROCC of'} {shown}"
    rivals = ordered("model", (name for name in ranking if name != best and ranking[name].high >= low))
    if rivals:
        count = len(rivals)
        names = listing([model_name(name) for name in rivals])
        noun = "interval" if count == 1 else "intervals"
        text += f", too close to tell from {names}, whose {noun} {agreeing('overlap', count)} its own"
    return text


def _falls(attacked: Ranking, clean: Ranking) -> str:
    """How many models lose most of what they had, as a clause before another."""
    both = [model for model in attacked if model in clean]
    if len(both) < 2:
        return ""
    halved = sum(attacked[model].value < clean[model].value / 2 for model in both)
    text = f"{halved} of {len(both)} models {agreeing('lose', halved)} more than half of the clean SROCC"
    reverse = [model_name(model) for model in ordered("model", attacked) if attacked[model].high < 0]
    if reverse:
        text += f" ({listing(reverse)} {agreeing('rank', len(reverse))} images in reverse)"
    return f"{text}; "
