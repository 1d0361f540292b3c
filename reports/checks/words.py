"""What `iqabench check` says to people."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ...bench.core.text import aligned, difference, listing, number, plural
from ...bench.statistics.metrics import NO_LABELS, OK
from ...bench.store.condition import Condition
from ...bench.store.results import RESIZE, Results
from ..catalogue import STAND_IN, dataset_name, metric_name, ordered
from ..paper.selection import grouped

if TYPE_CHECKING:
    from .check import Check
    from .claims import Claims
    from .comparison import Comparison

LINES_SHOWN = 20  # maximum lines per section

ROUNDING = 1e-9
"""Allowed beyond a tolerance, so that 0.90 and 0.85 are within 0.05 of one another in binary, too."""


def check_text(check: "Check") -> str:
    """Return the counts, then what moved, worst first, then what was not run, then the notes."""
    counts = ", ".join(f"{status} {count}" for status, count in check.counts.items())
    allowed = ", ".join(f"{metric_name(name)} {value:g}" for name, value in check.tolerances.items())
    lines = [
        f"Against {check.against}, {plural(len(check.comparisons), 'number')}: {counts}.",
        f"A number holds within these differences, up or down: {allowed}.",
    ]
    if not check.compared:
        lines = [f"Nothing to compare with {check.against}: {check.advice}", *lines]
    moved = sorted((one for one in check.comparisons if one.moved), key=_severity)
    if moved:
        lines += ["", "What does not hold, worst first:", ""]
        lines += [*aligned(_columns(moved[:LINES_SHOWN])), *_remainder(len(moved))]
    for status in ("not run", "not comparable"):
        missing = [one for one in check.comparisons if one.status == status]
        listed = _each(missing) if check.guarding or status == "not comparable" else _by_dataset(missing)
        if listed:
            lines += ["", f"{status.capitalize()}{', which fails the check' * check.guarding}:"]
            lines += [*(f"  {line}" for line in listed[:LINES_SHOWN]), *_remainder(len(listed))]
    return _with_notes(lines, check.notes)


def claims_text(claims: "Claims") -> str:
    """Return the counts, then what is false, what is true, what was not run, and the notes."""
    counts = ", ".join(f"{verdict} {count}" for verdict, count in claims.counts.items())
    lines = [f"{plural(len(claims.claims), 'claim')} of the paper: {counts}."]
    if not claims.counts["true"] + claims.counts["false"]:
        lines += ["Nothing to evaluate: `iqabench run --models all` computes what the claims are about."]
    for verdict in ("false", "true"):
        found = [claim for claim in claims.claims if claim.verdict == verdict]
        lines += ["", f"{verdict.capitalize()}:"] if found else []
        for claim in found:
            mark = "*" if claim.stand_in else ""
            lines += [f"  {dataset_name(claim.dataset)}{mark}: {claim.statement}.", f"    {claim.evidence}"]
    missing = [claim for claim in claims.claims if claim.verdict == "not run"]
    lines += ["", "Not run:"] if missing else []
    for statement in dict.fromkeys(claim.statement for claim in missing):
        datasets = [dataset_name(claim.dataset) for claim in missing if claim.statement == statement]
        lines.append(f"  {statement}: on {listing(datasets)}")
    marked = dict.fromkeys(dataset_name(claim.dataset) for claim in claims.claims if claim.stand_in)
    if marked:
        lines += ["", f"* {listing([*marked])} {STAND_IN}."]
    return _with_notes(lines, claims.notes)


def comparison_sentence(comparison: "Comparison") -> str:
    """Return what a JUnit report says of a number that is not as expected."""
    if math.isnan(comparison.difference):
        return comparison.reason or comparison.status
    reason = f"; {comparison.reason}" if comparison.reason else ""
    return (
        f"{metric_name(comparison.metric)} {comparison.measured:z.4f}, expected {comparison.expected:z.4f} "
        f"within {comparison.tolerance:g}: {comparison.status} by {abs(comparison.difference):.4f}{reason}"
    )


def stand_ins(frame: pd.DataFrame) -> list[str]:
    """Return the datasets of results that stand in for others."""
    return ordered("dataset", frame["dataset"][frame["stand_in"].astype(bool)])


def notes_on_published(frame: pd.DataFrame, shown: pd.DataFrame, image_size: int) -> Iterator[str]:
    """Say what was not compared with published numbers, and what was measured on other images."""
    names = stand_ins(frame)
    if names:
        verb = "stands in for a database and is" if len(names) == 1 else "stand in for databases and are"
        yield f"{listing(names)} {verb} not compared with published numbers."
    for (dataset, size), _ in grouped(shown[shown["image_size"] != image_size], ["dataset", "image_size"]):
        yield f"On {dataset} images of {size} pixels were scored; the paper's have {image_size}."
    others = shown[shown["pixels"] != RESIZE]
    for (dataset, model, pixels), _ in grouped(others, ["dataset", "model", "pixels"]):
        yield f"On {dataset} {model} was given images otherwise than in the paper: {pixels}."
    for (dataset, limit), _ in grouped(shown[shown["limit"].notna()], ["dataset", "limit"]):
        yield f"On {dataset} only {plural(limit, 'test image')} were scored: --limit."


def notes_on_baseline(frame: pd.DataFrame, unguarded: int, baseline: object) -> Iterator[str]:
    """Say how many conditions of a store are not pinned, and what stands in for a database."""
    if unguarded:
        yield (
            f"{plural(unguarded, 'condition')} in the store {'is' if unguarded == 1 else 'are'} not in "
            f"{baseline}: pin anew to guard them, too."
        )
    names = stand_ins(frame)
    if names:
        yield f"{listing(names)} {STAND_IN}."


def pinning_text(results: Results, rows: pd.DataFrame, path: object) -> str:
    """Return what was pinned and what was not, in sentences."""
    unlabelled = int((rows["status"] == NO_LABELS).sum())
    lines = [f"{plural(len(rows) - unlabelled, 'row')} pinned in {path}.", *results.left_out]
    if unlabelled:
        lines += [
            f"{plural(unlabelled, 'row')} of images without labels {'is' if unlabelled == 1 else 'are'} not "
            "pinned, as a check compares correlations."
        ]
    older = len(results.frame) - len(rows)
    if older:
        lines += [
            f"{plural(older, 'cell')} of older versions or with other parameters of an attack "
            f"{'is' if older == 1 else 'are'} left out."
        ]
    broken = rows[~rows["status"].isin([OK, NO_LABELS])].to_dict("records")
    if broken:
        lines += [
            f"{plural(len(broken), 'row')} {'has' if len(broken) == 1 else 'have'} no usable scores and can "
            f"never hold, such as {Condition.of(broken[0]).phrase}: {broken[0]['status']}."
        ]
    return "\n".join(lines)


def _with_notes(lines: Sequence[str], notes: Sequence[str]) -> str:
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _severity(comparison: "Comparison") -> tuple[bool, bool, float]:
    """Sort numbers that are not there first, then by status, then by their distance in tolerances."""
    gap = comparison.difference
    distance = 0.0 if math.isnan(gap) else abs(gap) / max(comparison.tolerance, ROUNDING)
    return not math.isnan(gap), comparison.status == "exceeds", -distance


def _columns(comparisons: "Sequence[Comparison]") -> dict[str, list[str]]:
    rows = [_row(comparison) for comparison in comparisons]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    usual = {"table": "", "variant": "", "regime": "clean"}
    return {name: values for name, values in columns.items() if {*values} != {usual.get(name)}}


def _row(comparison: "Comparison") -> dict[str, str]:
    condition, missing = comparison.condition, math.isnan(comparison.difference)
    return {
        "table": comparison.table,
        "dataset": condition.dataset,
        "model": condition.model,
        "variant": condition.variant,
        "regime": condition.regime,
        "seed": ",".join(map(str, condition.seeds)),
        "attack": condition.attack,
        "epsilon": f"{condition.epsilon:g}",
        "metric": comparison.metric,
        "expected": number(comparison.expected),
        "measured": number(comparison.measured),
        "difference": "" if missing else difference(comparison.measured, comparison.expected),
        "status": ": ".join(filter(None, [comparison.status, comparison.reason])),
    }


def _each(comparisons: "Sequence[Comparison]") -> list[str]:
    """Return a line for each condition; its reason is the same for every metric."""
    reasons = {found.condition.phrase: found.reason for found in comparisons}
    return [f"{phrase}: {reason}" if reason else phrase for phrase, reason in reasons.items()]


def _by_dataset(comparisons: "Sequence[Comparison]") -> list[str]:
    tables = [f"{found.table}, {found.condition.dataset}" for found in comparisons]
    return [f"{table}: {plural(tables.count(table), 'number')}" for table in dict.fromkeys(tables)]


def _remainder(count: int) -> list[str]:
    return [f"  and {count - LINES_SHOWN} more: --json lists all"] if count > LINES_SHOWN else []
