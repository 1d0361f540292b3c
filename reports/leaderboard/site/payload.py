"""The data that a page gives its script: numbers, curves and rankings, in few bytes.

All of it is computed here; `data.js` reads it. SROCC is held in ten-thousandths and bounds in thousandths,
which is how they are printed and compared; null stands for none and "-" for undefined. A *column* is a list
with an item for each line, or the item itself where all lines have the same.

    datasets    {name, label, stand_in, note, curves: [[label of the attack, look, [condition, ...]], ...]}
    conditions  {attack: its label, epsilon, entrants: indices, or null for all; and columns: reported,
                measured, low, high}
    entrants    by name: what is searched, sorted and filtered by, but for the texts of the table's rows;
                empty objects on the page of a model
    texts       of the notes on a ranking's lines
    rankings    {dataset, attack, label, epsilon, caption, by, stand_in, clean: condition, entrants: indices,
                best first, ranked: how many have a rank, tied: lines with the rank of the line before; and
                columns: robust: condition, up and down: how many ranks the intervals leave open, images,
                limited, note: index of a text}
    start       index of the ranking that the page comes with
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...catalogue import attack_name, dataset_name, dataset_note, marked_dataset, ordered
from ..board import Board, Condition, Entrant, Number
from ..ranking import ALL, BOUND_DIGITS, CLEAN, SROCC_DIGITS, Pair, Ranking, Standing, by_name, pairs

CONTROL = -1  # look of a control's curve; that of an attack is its index among the attacks of the board


def looks_of(board: Board) -> dict[str, int]:
    """Return the look of the curves of each attack and control of a board, in order, alike on every page."""
    names = ordered("attack", (number.attack for number in board.numbers if number.attack != CLEAN))
    real = ordered("attack", (number.attack for number in board.numbers if number.attacked))
    return {name: real.index(name) if name in real else CONTROL for name in names}


def curves_data(entrants: Sequence[Entrant], looks: Mapping[str, int]) -> dict[str, Any]:
    """Return the numbers and curves of some entrants, in the order in which the data refer to them.

    `looks` are those of all attacks of the board, as `looks_of` gives them.
    """
    known = [pairs(entrant) for entrant in entrants]
    conditions = _in_order(known, looks)
    datasets = ordered("dataset", (dataset for dataset, _, _ in conditions))
    stand_ins = {number.dataset for entrant in entrants for number in entrant.numbers if number.stand_in}
    return {
        "datasets": [
            {
                "name": dataset,
                "label": dataset_name(dataset),
                "stand_in": dataset in stand_ins,
                "note": dataset_note(dataset),
                "curves": _curves(dataset, conditions, looks),
            }
            for dataset in datasets
        ],
        "conditions": [_numbers(condition, known) for condition in conditions],
        "entrants": [{} for _ in entrants],
    }


def board_data(board: Board, rankings: Sequence[Ranking], start: Ranking | None) -> dict[str, Any]:
    """Return the numbers, curves and rankings of a board; `start` is the ranking that is shown first.

    The data hold the entrants by name.
    """
    looks, in_order = looks_of(board), by_name(board.entrants)
    known = [pairs(entrant) for entrant in in_order]
    conditions = {condition: index for index, condition in enumerate(_in_order(known, looks))}
    indices = {entrant.slug: index for index, entrant in enumerate(in_order)}
    datasets = ordered("dataset", (dataset for dataset, _, _ in conditions))
    texts: dict[str, int] = {}

    def data_of(ranking: Ranking) -> dict[str, Any]:
        threat, standings = ranking.threat, ranking.standings
        ranked = [standing.ranks for standing in standings if standing.ranks]
        deciding = [standing.robust.decisive for standing in standings]
        notes = [remark(standing, ranking) for standing in standings]
        return {
            "dataset": datasets.index(threat.dataset),
            "attack": threat.attack,
            "label": label(threat.attack),
            "epsilon": threat.epsilon,
            "caption": caption(ranking),
            "by": ranked_by(ranking),
            "stand_in": ranking.stand_in,
            "clean": conditions.get((threat.dataset, CLEAN, 0.0)),
            "entrants": [indices[standing.entrant.slug] for standing in standings],
            "ranked": len(ranked),
            "tied": [line for line, (rank, _, _) in enumerate(ranked) if rank <= line],
            "up": _column([rank - best for rank, best, _ in ranked]),
            "down": _column([worst - rank for rank, _, worst in ranked]),
            "robust": _column([conditions[number.condition] for number in deciding]),
            "images": _column([number.images for number in deciding]),
            "limited": _column([number.limited for number in deciding]),
            "note": _column([texts.setdefault(text, len(texts)) for text in notes]),
        }

    return {
        **curves_data(in_order, looks),
        "entrants": [_words(entrant, datasets) for entrant in in_order],
        "rankings": [data_of(ranking) for ranking in rankings],
        "start": rankings.index(start) if start else None,
        "texts": list(texts),
    }


def caption(ranking: Ranking) -> str:
    """Say what a ranking is under: `LIVE, PGD, ε = 4/255`."""
    threat = ranking.threat
    radius = "" if threat.attack == CLEAN else f", ε = {threat.epsilon:g}/255"
    return f"{marked_dataset(threat.dataset, ranking.stand_in)}, {label(threat.attack)}{radius}"


def remark(standing: Standing, ranking: Ranking) -> str:
    """Say how an entrant was attacked: how many of the attacks it faced, or the attack's parameters.

    What was measured elsewhere says so first.
    """
    number = standing.robust.decisive
    faced = "worst" if standing.attacks == ranking.attacks else str(standing.attacks)
    own = "" if _parameters(ranking) else number.parameters
    how = f"{faced} of {ranking.attacks}" if ranking.threat.attack == ALL else own
    elsewhere = "measured elsewhere" if number.measured_by else ""
    return ", ".join(filter(None, [elsewhere, "worst case" if number.worst_case else "", how]))


def _parameters(ranking: Ranking) -> str:
    """Return the parameters of a ranking's attack if all its numbers are under the same, else nothing."""
    found = {standing.robust.decisive.parameters for standing in ranking.standings}
    return found.pop() if len(found) == 1 and ranking.threat.attack != ALL else ""


def ranked_by(ranking: Ranking) -> str:
    """Name the numbers that a ranking compares, and the attack's parameters where all have the same."""
    by = "worst-case SROCC where it is known, else SROCC" if ranking.worst_cases else "SROCC"
    if ranking.worst_cases == len(ranking.standings):
        by = "worst-case SROCC"
    parameters = _parameters(ranking)
    return f"{by}, in bold.{f' All were attacked with {parameters}.' if parameters else ''}"


def _in_order(known: Sequence[dict[Condition, Pair]], attacks: Iterable[str]) -> list[Condition]:
    """Sort all conditions by dataset, attack and epsilon, clean images first."""
    turns = {attack: turn for turn, attack in enumerate((CLEAN, *attacks))}
    found = {condition for numbers in known for condition in numbers}
    datasets = ordered("dataset", (dataset for dataset, _, _ in found))
    return sorted(found, key=lambda one: (datasets.index(one[0]), turns[one[1]], one[2]))


def _curves(dataset: str, conditions: Sequence[Condition], looks: Mapping[str, int]) -> list[list[Any]]:
    """Return a curve for each attack on a dataset: its conditions by epsilon, from clean images at 0."""
    found = []
    for attack, look in looks.items():
        along = [
            index
            for index, (name, under, _) in enumerate(conditions)
            if name == dataset and under in (CLEAN, attack)
        ]
        if any(conditions[index][1] == attack for index in along):
            found.append([attack_name(attack), look, along])
    return found


def _numbers(condition: Condition, known: Sequence[dict[Condition, Pair]]) -> dict[str, Any]:
    here = [(index, numbers[condition]) for index, numbers in enumerate(known) if condition in numbers]
    found = [pair for _, pair in here]
    return {
        "attack": attack_name(condition[1]),
        "epsilon": condition[2],
        "entrants": None if len(here) == len(known) else [index for index, _ in here],
        "reported": _column([_srocc(pair.reported) for pair in found]),
        "measured": _column([_srocc(pair.measured) for pair in found]),
        "low": _column([_bound(pair.measured.low) if pair.measured else None for pair in found]),
        "high": _column([_bound(pair.measured.high) if pair.measured else None for pair in found]),
    }


def _words(entrant: Entrant, datasets: Sequence[str]) -> dict[str, Any]:
    return {
        "authors": " ".join(entrant.authors),
        "year": entrant.year,
        "training": entrant.training,
        "unreliable": bool(entrant.unreliable),
        "doubtful": [index for index, dataset in enumerate(datasets) if entrant.is_doubtful(dataset)],
        "flags": Counter(dataset for dataset, _ in entrant.red_flags),
    }


def label(attack: str) -> str:
    """Return the name of an attack, or the phrase for the worst of all."""
    return "worst of the attacks" if attack == ALL else attack_name(attack)


def _column(values: Sequence[Any]) -> Any:
    """Return the values, or one of them where all are alike."""
    return values[0] if values and all(value == values[0] for value in values) else list(values)


def _srocc(number: Number | None) -> int | str | None:
    if number is None:
        return None
    return "-" if math.isnan(number.srocc) else round(round(number.srocc, SROCC_DIGITS) * 10**SROCC_DIGITS)


def _bound(bound: float) -> int | None:
    return None if math.isnan(bound) else round(round(bound, BOUND_DIGITS) * 10**BOUND_DIGITS)
