"""Red flags: sentences on an entrant's own numbers, where they show a sign that a number misleads.

A red flag is not a verdict: it states which numbers do not look as they should, and what the cause may be.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ...bench.core.text import listing, number
from ...bench.store.condition import under
from ..catalogue import attack_name, dataset_name, ordered
from .board import Move, Number

REPEATED = 0.02  # difference in SROCC between two runs of one setting, as two of the CPRL paper's own differ

DISAGREEMENT = 0.05
"""Tolerance between a reported and a measured SROCC, as in a check against published numbers."""

_MASKED = "this may be a sign of masked gradients (Athalye et al. 2018)"


def red_flags(numbers: Sequence[Number]) -> tuple[tuple[str, str], ...]:
    """Return all red flags of an entrant as (dataset, sentence), dataset by dataset.

    A number is above another if it is above the upper bound of its interval; where that has none, if it is
    more than `REPEATED` above.
    """
    found = []
    for dataset in ordered("dataset", (one.dataset for one in numbers)):
        here = [one for one in numbers if one.dataset == dataset]
        for kind in ("reported", "measured"):
            of_kind = [one for one in here if one.kind == kind]
            texts = [text for flags in _OF_ONE_KIND for text in flags(of_kind)]
            found += [(dataset, f"{dataset_name(dataset)}, {kind}: {text}.") for text in texts]
        found += [
            (dataset, f"{dataset_name(dataset)}: {text}.") for text in _reported_differs_from_measured(here)
        ]
    return tuple(found)


def of_audits(rows: Sequence[Mapping[Any, Any]]) -> tuple[tuple[str, str], ...]:
    """Return the red flags that the audits of some rows of results found: (dataset, sentence), each once."""
    found = [
        (
            row["dataset"],
            f"{dataset_name(row['dataset'])}, audit {under(row['attack'], row['epsilon'], attack_name)}: "
            f"{row['red_flags'] or 'doubtful.'}",
        )
        for row in rows
        if row["audit"] == "doubtful"
    ]
    return tuple(dict.fromkeys(found))


def measured_elsewhere(numbers: Sequence[Number | Move]) -> tuple[tuple[str, str], ...]:
    """Return a red flag for each dataset and party that measured an entrant's scores elsewhere."""
    found = [
        (
            one.dataset,
            f"{dataset_name(one.dataset)}, measured elsewhere by {one.measured_by}: neither the model nor "
            "the images were seen here.",
        )
        for one in numbers
        if one.measured_by
    ]
    return tuple(dict.fromkeys(found))


def above(one: Number, other: Number) -> bool:
    """Say whether the SROCC of `one` is above that of `other` by more than chance explains."""
    bound = other.srocc + REPEATED if math.isnan(other.high) else other.high
    return one.srocc > bound + 1e-9


def _rises_with_epsilon(numbers: Sequence[Number]) -> Iterator[str]:
    by_attack = defaultdict(list)
    for one in numbers:
        if one.attack != "none":
            by_attack[one.attack].append(one)
    for attack, curve in by_attack.items():
        in_order = sorted(curve, key=lambda one: one.epsilon)
        rises = [
            f"from {number(weaker.srocc)} at {weaker.epsilon:g}/255 to {number(stronger.srocc)} at "
            f"{stronger.epsilon:g}/255"
            for weaker, stronger in pairwise(in_order)
            if above(stronger, weaker)
        ]
        if rises:
            yield f"SROCC under {attack_name(attack)} rises with ε, {listing(rises)}"


def _iterations_do_not_help(numbers: Sequence[Number]) -> Iterator[str]:
    pairs = [
        f"{number(pgd.srocc)} under PGD and {number(fgsm.srocc)} under FGSM at {pgd.epsilon:g}/255"
        for fgsm, pgd in _pairs(numbers, "fgsm", "pgd")
        if above(pgd, fgsm)
    ]
    if pairs:
        yield f"PGD leaves more than FGSM of one step, SROCC {listing(pairs)}; {_MASKED}"


def _mask_hides(numbers: Sequence[Number]) -> Iterator[str]:
    pairs = [
        f"{number(soft.srocc)} against {number(hard.srocc)} at {hard.epsilon:g}/255"
        for hard, soft in _pairs(numbers, "pgd", "pgd_soft")
        if above(hard, soft) and hard.srocc - soft.srocc > DISAGREEMENT
    ]
    if pairs:
        yield f"PGD by BPDA through a soft mask leaves less than PGD, SROCC {listing(pairs)}; {_MASKED}"


def _robust_above_clean(numbers: Sequence[Number]) -> Iterator[str]:
    clean = next((one for one in numbers if one.attack == "none"), None)
    if clean is None:
        return
    higher = [
        f"{number(one.srocc)} {under(one.attack, one.epsilon, attack_name)}"
        for one in numbers
        if one.attacked and above(one, clean)
    ]
    if higher:
        yield f"SROCC is higher under attack, {listing(higher)}, than without, {number(clean.srocc)}"


def _worst_case_is_not_lowest(numbers: Sequence[Number]) -> Iterator[str]:
    others = {(one.attack, one.epsilon): one for one in numbers if not one.worst_case}
    higher = [
        f"{number(worst.srocc)} against {number(one.srocc)} {under(attack, epsilon, attack_name)}"
        for worst in numbers
        for (attack, epsilon), one in others.items()
        if worst.worst_case and one.attacked and epsilon == worst.epsilon and above(worst, one)
        if _in_l2(one) or not _in_l2(worst)  # the L-inf ball of a radius holds the L2 ball, and much more
    ]
    if higher:
        yield (
            f"the worst case is above SROCC under a single attack, {listing(higher)}: the intervals are "
            "too short"
        )


def _in_l2(one: Number) -> bool:
    return "norm l2" in one.parameters.split(", ")


def _one_attack(numbers: Sequence[Number]) -> Iterator[str]:
    attacks = {one.attack for one in numbers if one.attacked}
    if len(attacks) == 1 and not any(one.worst_case for one in numbers):
        yield f"attacked by {attack_name(attacks.pop())} only"


def _part_of_the_images(numbers: Sequence[Number]) -> Iterator[str]:
    counts = sorted({one.images for one in numbers if one.limited and one.images is not None})
    if counts:
        yield f"on {listing([str(count) for count in counts])} images, a part of the test images"


def _reported_differs_from_measured(numbers: Sequence[Number]) -> Iterator[str]:
    reported = {(one.attack, one.epsilon): one for one in numbers if one.kind == "reported"}
    differing = []
    for one in numbers:
        said = reported.get((one.attack, one.epsilon))
        if one.kind == "measured" and said and abs(one.srocc - said.srocc) > DISAGREEMENT + 1e-9:
            where = under(one.attack, one.epsilon, attack_name)
            differing.append(f"{number(said.srocc)} and {number(one.srocc)} {where}")
    if differing:
        yield f"reported and measured SROCC differ: {listing(differing)}"


def _pairs(numbers: Sequence[Number], first: str, second: str) -> Iterator[tuple[Number, Number]]:
    """Yield the numbers under two attacks at the same epsilon."""
    seconds = {one.epsilon: one for one in numbers if one.attack == second}
    for one in sorted(numbers, key=lambda one: one.epsilon):
        if one.attack == first and one.epsilon in seconds:
            yield one, seconds[one.epsilon]


_OF_ONE_KIND: tuple[Callable[[Sequence[Number]], Iterator[str]], ...] = (
    _robust_above_clean, _iterations_do_not_help, _mask_hides, _worst_case_is_not_lowest,
    _rises_with_epsilon, _one_attack, _part_of_the_images,
)  # fmt: skip
