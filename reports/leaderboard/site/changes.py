"""Compares two builds of the board: its entrants, their numbers, and their ranks where it opens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ....bench.core.text import listing, number, plural
from ....bench.store.condition import under
from ...catalogue import attack_name, dataset_name
from ..board import Kind
from ..ranking import SROCC_DIGITS, Ranking
from .payload import caption

_SHOWN = 5  # numbers or ranks of which a sentence speaks one by one

Numbers = dict[tuple[Kind, str, str, float], list[float | None]]


def changes(former: Mapping[str, Any], now: Mapping[str, Any], opening: Ranking | None) -> Iterator[str]:
    """Say in sentences what differs from a former build.

    A build has the `entrants` of `leaderboard.json` and the `rankings` of `rankings.json`; `opening` is the
    ranking that the board opens with.

    Raises:
        KeyError, TypeError, ValueError: the files of the former build are not as this package writes them.
    """
    before, after = _numbers(former), _numbers(now)
    if new := [name for name in after if name not in before]:
        yield f"New: {listing(new)}."
    if gone := [name for name in before if name not in after]:
        yield f"No longer on the board: {listing(gone)}."
    for name in after:
        if name in before:
            yield from (f"{name}: {sentence}." for sentence in _of_entrant(before[name], after[name]))
    if opening:
        yield from _moves(_ranks(former, opening), _ranks(now, opening), caption(opening))


def _numbers(build: Mapping[str, Any]) -> dict[str, Numbers]:
    """Return the SROCC as it is printed of each entrant by kind and condition; None where it is undefined."""
    found: dict[str, Numbers] = {}
    for one in build["entrants"]:
        mine = found.setdefault(one["name"], {})
        for row in one["numbers"]:
            key, srocc = (row["kind"], row["dataset"], row["attack"], row["epsilon"]), row["srocc"]
            mine.setdefault(key, []).append(None if srocc is None else round(srocc, SROCC_DIGITS))
    return found


def _ranks(build: Mapping[str, Any], opening: Ranking) -> dict[str, int | None]:
    """Return the rank of each entrant by its name, since a slug can become that of another entrant."""
    names = {one["slug"]: one["name"] for one in build["entrants"]}
    return {
        names[line["slug"]]: line["rank"]
        for one in build["rankings"]
        if all(one[key] == value for key, value in asdict(opening.threat).items())
        for line in one["standings"]
    }


def _of_entrant(before: Numbers, now: Numbers) -> Iterator[str]:
    for what, keys in (("new", now.keys() - before.keys()), ("no longer shown", before.keys() - now.keys())):
        for kind in ("measured", "reported"):
            datasets = sorted(dataset_name(key[1]) for key in keys if key[0] == kind)
            if datasets:
                where = listing(list(dict.fromkeys(datasets)))
                yield f"{plural(len(datasets), f'{kind} number')} on {where} {what}"
    changed = sorted(key for key in now.keys() & before.keys() if now[key] != before[key])
    for key in changed[:_SHOWN]:
        kind, dataset, attack, epsilon = key
        yield (
            f"{kind} SROCC on {dataset_name(dataset)} {under(attack, epsilon, attack_name)} is "
            f"{_printed(now[key])}, was {_printed(before[key])}"
        )
    if len(changed) > _SHOWN:
        yield f"{plural(len(changed) - _SHOWN, 'more number')} changed"


def _printed(sroccs: Sequence[float | None]) -> str:
    return listing(["undefined" if one is None else number(one, SROCC_DIGITS) for one in sroccs])


def _moves(before: Mapping[str, int | None], now: Mapping[str, int | None], caption: str) -> Iterator[str]:
    """Say which entrants have another rank than before, those first that moved furthest."""
    moved = [
        (name, rank, former)
        for name, rank in now.items()
        if rank and (former := before.get(name)) and former != rank
    ]
    if moved:
        moved.sort(key=lambda item: -abs(item[2] - item[1]))
        told = [f"{name} is {rank}, was {former}" for name, rank, former in moved[:_SHOWN]]
        rest = f", and {len(moved) - _SHOWN} more moved" if len(moved) > _SHOWN else ""
        yield f"Ranks under {caption}: {'; '.join(told)}{rest}."
