"""The sentences of `iqabench datasets verify`, and of the errors that opening a dataset gives instead."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..core.text import plural

if TYPE_CHECKING:
    from .checks import Problem
    from .verify import Verification

PROBLEMS = {
    "no images": ("no images", "the label table has no rows"),
    "repeated": ("image listed more than once", "keep one row for each image in the label table"),
    "unlabelled": (
        "image without a score, or with one that is not a number",
        "complete the label table, or leave the image out of it",
    ),
    "off the scale": (
        "score outside [{low:g}, {high:g}]",
        "correct the score, or state the scale's own bounds as `low` and `high` in the dataset's table",
    ),
    "no distribution": (
        "ratings that are not a distribution",
        "give a count or a share of 0 or more for every rating in the columns opinions_1, opinions_2...",
    ),
    "missing": (
        "no such image of the {images} under {root}",
        "the copy is incomplete or its files were renamed: fetch it again from its owner",
    ),
    "undecodable": (
        "image that cannot be decoded to its last pixel",
        "fetch a damaged file again from its owner",
    ),
    "one colour": (
        "image of one colour",
        "nothing is to be seen in it: look at the file, and leave the image out of the label table",
    ),
    "identical": (
        "images whose files are identical",
        "keep one of each, or give them one scene so that they stay on one side of the split",
    ),
}
"""The faults found, each with what to do about it."""

PATHS_SHOWN = 4  # paths shown of a group of identical files


def message(problem: "Problem", most: int) -> str:
    """Return a problem in words, naming at most this many places and counting the others."""
    what, remedy = PROBLEMS[problem.kind]
    hidden = len(problem.places) - most
    more = f", and {hidden} more" if hidden > 0 else ""
    return f"{what.format(**problem.facts)}: {', '.join(problem.places[:most])}{more}; {remedy}"


def identical(paths: Sequence[str], on_both_sides: bool) -> str:
    """Return a group of identical files in words."""
    hidden = len(paths) - PATHS_SHOWN
    more = f" and {hidden} more" if hidden > 0 else ""
    return " = ".join(paths[:PATHS_SHOWN]) + more + (" (in both training and test)" if on_both_sides else "")


def in_words(found: "Verification", published: str = "") -> str:
    """Return a verification as plain text: a line per finding, the problems last.

    `published` is what the CPRL paper's Table 3 says of the database, if it does.
    """
    root = found.source.root if found.source else "not read"
    lines = [f"{found.name}: {root}"]
    if found.source and found.source.stand_in:
        lines.append("  stands in for a real database; no published number is about it")
    if len(found.table):
        lines += [f"  {title:<12}{text}" for title, text in _findings(found, published)]
    count = len(found.problems)
    lines.append(f"  {plural(count, 'problem')}:" if count else "  no problems")
    return "\n".join(lines + [f"  - {problem}" for problem in found.problems])


def _findings(found: "Verification", published: str) -> Iterator[tuple[str, str]]:
    table, source, files = found.table, found.source, found.files
    yield "images", f"{len(table)} of {table['scene'].nunique()} scenes"
    if published:
        yield "Table 3", published
    kinds = table["distortion"].astype(str).value_counts(sort=False).sort_index()
    yield "distortions", f"{len(kinds)}: {', '.join(f'{kind} {count}' for kind, count in kinds.items())}"
    if source and not source.labelled:
        yield "labels", "none: scores are not compared with any"
    scores = table["score"].dropna()
    if source and len(scores):
        better = "lower" if source.lower_is_better else "higher"
        scale = f"on a scale from {source.low:g} to {source.high:g}, {better} is better"
        yield "scores", f"{scores.min():g} to {scores.max():g} {scale}"
    for side in ("train", "test"):
        rows = table[table["split"] == side]
        if len(rows):
            share = f"({len(rows) / len(table):.1%})"
            yield side, f"{plural(len(rows), 'image')} {share} of {plural(rows['scene'].nunique(), 'scene')}"
    yield "missing", f"{len(files.missing)}"
    yield "unreadable", f"{len(files.unreadable)}"
    yield "duplicates", f"{sum(map(len, files.duplicates))} images in {len(files.duplicates)} groups"
