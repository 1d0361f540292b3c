"""Rankings worked by hand."""

import math

import numpy as np
import pytest

from iqabench.reports.leaderboard.ranking import Threat, opening, pairs, rankings
from iqabench.reports.leaderboard.site.payload import CONTROL, looks_of

from .boards import board, entrant, measured, reported, varied

PGD = Threat("live", "pgd", 1.0)
WORST = Threat("live", "all", 1.0)
AUTO = Threat("live", "auto", 1.0)


def rank(shown, threat):
    (found,) = (ranking for ranking in rankings(shown) if ranking.threat == threat)
    return found


def ranks(ranking):
    return [(one.entrant.name, one.ranks and one.ranks.rank) for one in ranking.standings]


def open_ranks(ranking):
    return {one.entrant.name: one.ranks and one.ranks[1:] for one in ranking.standings}


NAN = {"low": math.nan, "high": math.nan}
UNDEFINED = measured(math.nan, **NAN)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        # Equal numbers share a rank and stand by name; numbers that are printed alike are equal.
        (
            {"c": [reported(0.5)], "d": [reported(0.2)], "B": [reported(0.5)], "a": [reported(0.9)]},
            [("a", 1), ("B", 2), ("c", 2), ("d", 4)],
        ),
        ({"a": [reported(0.50001)], "b": [reported(0.50004)]}, [("a", 1), ("b", 1)]),
        # A measured number stands before a reported one, also where it is undefined.
        ({"a": [reported(0.9), measured(0.1)], "b": [reported(0.5)]}, [("b", 1), ("a", 2)]),
        ({"a": [reported(0.9), UNDEFINED], "b": [reported(-0.5)]}, [("b", 1), ("a", None)]),
        # An entrant without a number under the threat is not ranked.
        ({"a": [reported(0.9, epsilon=2)], "b": [reported(0.5)]}, [("b", 1)]),
    ],
)
def test_the_highest_is_first_of_what_was_measured_or_else_reported(numbers, expected):
    ranking = rank(board(*(entrant(name, *known) for name, known in numbers.items())), PGD)
    assert ranks(ranking) == expected
    assert {one.name for one in ranking.absent} == numbers.keys() - {name for name, _ in expected}


def test_overlapping_intervals_leave_ranks_open():
    intervals = {"a": (90, 80, 95), "b": (85, 75, 90), "c": (70, 65, 76), "d": (30, 20, 40)}
    shares = {name: np.array(known) / 100 for name, known in intervals.items()}
    known = [
        entrant(name, measured(value, low=low, high=high)) for name, (value, low, high) in shares.items()
    ]
    ranking = rank(board(*known, entrant("e", reported(0.35))), PGD)
    assert ranks(ranking) == [("a", 1), ("b", 2), ("c", 3), ("e", 4), ("d", 5)]
    assert open_ranks(ranking) == {"a": (1, 2), "b": (1, 3), "c": (2, 3), "e": (4, 5), "d": (4, 5)}


def test_the_worst_of_the_attacks_is_the_lowest_and_noise_is_none_of_them():
    numbers = (measured(0.7), measured(0.4, "fgsm"), measured(-0.9, "noise"), measured(0.1, epsilon=2))
    ranking = rank(board(entrant("a", *numbers), entrant("b", measured(0.5))), WORST)
    assert ranks(ranking) == [("b", 1), ("a", 2)]
    decisive = [(one.robust.decisive.attack, one.attacks) for one in ranking.standings]
    assert decisive == [("pgd", 1), ("fgsm", 2)]
    assert ranking.attacks == 2


def test_a_control_of_another_name_is_not_ranked_and_only_where_it_is_one():
    control, attack = (measured(-0.9, "mine", control=said) for said in (True, False))
    shown = board(entrant("a", measured(0.4), control), entrant("b", measured(0.5), attack))
    assert ranks(rank(shown, WORST)) == [("a", 1), ("b", 2)]
    assert ranks(rank(shown, Threat("live", "mine", 1.0))) == [("b", 1)]
    alone = board(entrant("a", measured(0.4), control))
    assert {ranking.threat for ranking in rankings(alone)} == {PGD, WORST}
    assert looks_of(shown) == {"pgd": 0, "mine": 1}
    assert looks_of(alone) == {"pgd": 0, "mine": CONTROL}


def test_the_worst_of_the_attacks_takes_each_attacks_measured_number_before_its_reported_one():
    ranking = rank(board(entrant("a", reported(0.1), measured(0.6), reported(0.3, "fgsm"))), WORST)
    decisive = ranking.standings[0].robust.decisive
    assert (decisive.attack, decisive.srocc) == ("fgsm", 0.3)


def test_undefined_under_one_attack_is_the_worst_and_has_no_open_ranks():
    undefined = measured(math.nan, "fgsm", **NAN)
    ranking = rank(board(entrant("a", measured(0.6), undefined), entrant("b", measured(0.1))), WORST)
    assert ranks(ranking) == [("b", 1), ("a", None)]
    assert open_ranks(ranking) == {"b": (1, 1), "a": None}


def test_of_several_numbers_of_a_kind_the_lowest_counts():
    one = entrant("a", reported(0.6), reported(0.4), reported(0.5), measured(0.3), measured(0.2))
    pair = pairs(one)["live", "pgd", 1]
    assert (pair.reported.srocc, pair.measured.srocc) == (0.4, 0.2)


def test_clean_images_can_be_ranked_under():
    ranking = rank(varied(), Threat("live", "none", 0.0))
    assert ranks(ranking) == [("Alpha", 1), ("Beta", 2), ("Epsilon", 3)]


def test_rankings_are_in_the_papers_order_without_noise():
    found = [ranking.threat for ranking in rankings(varied())]
    held = {"live": "all 1, all 4, fgsm 1, fgsm 4, pgd 1, pgd 4, cw 1, none 0",
            "koniq": "all 1, pgd 1", "synthetic": "all 1, pgd 1"}  # fmt: skip
    assert [f"{one.dataset} {one.attack} {one.epsilon:g}" for one in found] == [
        f"{dataset} {threat}" for dataset, threats in held.items() for threat in threats.split(", ")
    ]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([reported(0.5, epsilon=2), reported(0.5)], Threat("live", "all", 1)),
        ([reported(0.5, dataset="synthetic", stand_in=True), reported(0.5)], Threat("live", "all", 1)),
        ([measured(0.5, dataset="synthetic", stand_in=True), reported(0.5)], Threat("synthetic", "all", 1)),
        ([measured(0.5), measured(0.4, "auto", dataset="vcl", worst_case=True)], Threat("vcl", "auto", 1)),
        ([measured(0.4, kind, worst_case=True) for kind in ("zhang_ssim", "auto", "apgd")], AUTO),
        ([reported(0.5, "none", 0)], Threat("live", "none", 0)),
    ],
)
def test_a_board_opens_where_most_is_measured_then_with_a_databases_worst_attack(numbers, expected):
    assert opening(rankings(board(entrant("a", *numbers)))).threat == expected


@pytest.mark.parametrize("numbers", [[reported(0.5, "noise", 1)], []])
def test_a_board_without_ranking_opens_with_none(numbers):
    assert opening(rankings(board(entrant("a", *numbers)))) is None


def test_among_equals_a_board_opens_with_what_most_have_a_number_under():
    many = [entrant(name, reported(0.5, epsilon=4)) for name in "abc"]
    found = rankings(board(*many, entrant("d", reported(0.1))))
    assert opening(found).threat == Threat("live", "all", 4)
