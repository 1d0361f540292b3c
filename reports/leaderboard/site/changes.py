"""Compares two builds of the board: its entrants, their numbers, and their ranks where it opens."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....bench.core.text import listing, number, plural
from ....bench.store.condition import under
from ...catalogue import attack_name, dataset_name
from ..board import Board, Entrant, Kind
from ..ranking import SROCC_DIGITS, Ranking
from .payload import caption

_SHOWN = 5  # numbers or ranks of which a sentence speaks one by one

Key = tuple[Kind, str, str, float]
Kept = Mapping[str, Mapping[Key, list[float | None]]]


def changes(former: Mapping[str, Any], former_ranks: Sequence[Mapping[str, Any]], board: Board,
            opening: Ranking | None) -> tuple[str, ...]:  # fmt: skip
    """Say in sentences what differs from a former build.

    Raises:
        KeyError, TypeError, ValueError: the files of the former build are not as this package writes them.
    """
    before: Kept = {one["name"]: _numbers(one["numbers"]) for one in former["entrants"]}
    now: Kept = {one.name: _numbers(_plain(one)) for one in board.entrants}
    found = []
    if new := [name for name in now if name not in before]:
        found.append(f"New: {listing(new)}.")
    if gone := [name for name in before if name not in now]:
        found.append(f"No longer on the board: {listing(gone)}.")
    for name in now:
        if name in before:
            found += [f"{name}: {sentence}." for sentence in _of_entrant(before[name], now[name])]
    if opening:
        found += _moves(former_ranks, opening, {one["slug"]: one["name"] for one in former["entrants"]})
    return tuple(found)


def _plain(entrant: Entrant) -> list[dict[str, Any]]:
    fields = ("kind", "dataset", "attack", "epsilon", "srocc")
    return [{name: getattr(one, name) for name in fields} for one in entrant.numbers]


def _numbers(rows: Sequence[Mapping[str, Any]]) -> dict[Key, list[float | None]]:
    """Return SROCC as it is printed by kind and condition; None where it is undefined."""
    found: dict[Key, list[float | None]] = {}
    for row in rows:
        srocc = row["srocc"]
        known = srocc is not None and srocc == srocc
        key = (row["kind"], row["dataset"], row["attack"], float(row["epsilon"]))
        found.setdefault(key, []).append(round(float(srocc), SROCC_DIGITS) if known else None)
    return found


def _of_entrant(before: Mapping[Key, Any], now: Mapping[Key, Any]) -> Iterator[str]:
    for what, keys in (("new", now.keys() - before.keys()), ("no longer shown", before.keys() - now.keys())):
        for kind in ("measured", "reported"):
            datasets = sorted(dataset_name(key[1]) for key in keys if key[0] == kind)
            if datasets:
                where = listing(list(dict.fromkeys(datasets)))
                yield f"{plural(len(datasets), f'{kind} number')} on {where} {what}"
    changed = sorted(key for key in now.keys() & before.keys() if now[key] != before[key])
    for kind, dataset, attack, epsilon in changed[:_SHOWN]:
        key = (kind, dataset, attack, epsilon)
        yield (
            f"{kind} SROCC on {dataset_name(dataset)} {under(attack, epsilon, attack_name)} is "
            f"{_printed(now[key])}, was {_printed(before[key])}"
        )
    if len(changed) > _SHOWN:
        yield f"{plural(len(changed) - _SHOWN, 'more number')} changed"


def _printed(sroccs: Sequence[float | None]) -> str:
    return listing(["undefined" if one is None else number(one, SROCC_DIGITS) for one in sroccs])


def _moves(former: Sequence[Mapping[str, Any]], opening: Ranking, names: Mapping[str, str]) -> Iterator[str]:
    """Say which entrants have another rank than before under the threat that the board opens with.

    `names` are those of the former build by slug, since a slug can have become that of another entrant.
    """
    threat = opening.threat
    wanted = (threat.dataset, threat.attack, threat.epsilon)
    lines = [one for one in former if (one["dataset"], one["attack"], one["epsilon"]) == wanted]
    ranks = {names.get(line["slug"]): line["rank"] for one in lines for line in one["standings"]}
    moved = [
        (one.entrant.name, ranks[one.entrant.name], one.ranks.rank)
        for one in opening.standings
        if one.ranks and ranks.get(one.entrant.name) not in (None, one.ranks.rank)
    ]
    if moved:
        moved.sort(key=lambda item: -abs(int(item[1]) - item[2]))
        told = [f"{name} is {rank}, was {former_rank}" for name, former_rank, rank in moved[:_SHOWN]]
        rest = f", and {len(moved) - _SHOWN} more moved" if len(moved) > _SHOWN else ""
        yield f"Ranks under {caption(opening)}: {'; '.join(told)}{rest}."
