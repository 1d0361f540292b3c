"""`iqabench datasets`: what is wrong with a dataset, before anything is computed with it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.text import plural
from ..options import config_options, for_people, plugin_option, results_option, settings_of

if TYPE_CHECKING:
    from ...datasets.verify import Verification


@click.group()
def datasets() -> None:
    """Look at datasets."""


@datasets.command()
@click.argument("name")
@config_options
@results_option
@plugin_option
@for_people
def verify(name: str, results: Path, **options: Any) -> None:
    """Check a dataset: counts, missing, unreadable and duplicate images, labels, split.

    NAME is a table of the configuration or the path of a CSV file. Exit status 1 if something is wrong.
    """
    settings = settings_of(options)
    from ...datasets.verify import verify_dataset
    from ...sweep.plan import dataset_arguments

    with settings.blaming("datasets", name):
        found = verify_dataset(**dataset_arguments(settings, name, results))
    click.echo(in_words(found))
    sys.exit(1 if found.problems else 0)


def in_words(found: "Verification") -> str:
    """Return a verification as plain text: a line per finding, the problems last."""
    lines = [f"{found.name}: {found.root or 'not read'}"]
    if found.stand_in:
        lines.append("  stands in for a real database; no published number is about it")
    if found.images:
        lines += [f"  {title:<12}{text}" for title, text in _findings(found)]
    count = len(found.problems)
    lines.append(f"  {plural(count, 'problem')}:" if count else "  no problems")
    return "\n".join(lines + [f"  - {problem}" for problem in found.problems])


def _findings(found: "Verification") -> Iterator[tuple[str, str]]:
    yield "images", f"{found.images} of {found.scenes} scenes"
    if (published := found.published) is not None:
        types = "-" if published.types is None else f"{published.types}"
        note = f" ({published.note})" if published.note else ""
        yield "Table 3", f"{published.database}: {published.images} images, {types} distortion types{note}"
    kinds = ", ".join(f"{kind} {count}" for kind, count in found.distortions.items())
    yield "distortions", f"{len(found.distortions)}: {kinds}"
    if found.scores and found.bounds:
        (lowest, highest), (low, high) = found.scores, found.bounds
        better = "lower" if found.lower_is_better else "higher"
        yield "scores", f"{lowest:g} to {highest:g} on a scale from {low:g} to {high:g}, {better} is better"
    for name, side in found.sides.items():
        share = side.images / found.images
        yield name, f"{side.images} images ({share:.1%}) of {side.scenes} scenes"
    yield "missing", f"{len(found.missing)}"
    yield "unreadable", f"{len(found.unreadable)}"
    yield "duplicates", f"{sum(map(len, found.duplicates))} images in {len(found.duplicates)} groups"
