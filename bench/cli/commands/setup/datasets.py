"""`iqabench datasets`: looks for what is wrong with a dataset before anything is computed with it."""

import sys
from pathlib import Path
from typing import Any

import click

from ....core.text import plural
from ... import shared


@click.group()
def datasets() -> None:
    """Check datasets."""


@datasets.command()
@click.argument("name")
@shared.configuration
@shared.results_at_hand
@shared.plugins
def verify(name: str, results: Path, **options: Any) -> None:
    """Check a dataset: counts, missing, unreadable and duplicate images, labels, split.

    NAME is a table of the configuration, or the path of a CSV file or of a folder of images. Exit status 1 if
    something is wrong.
    """
    settings = shared.settings_of(options)
    from ....datasets.verify import in_words, verify_dataset
    from ....sweep.planning.datasets import database_of

    database = database_of(settings, name, results)
    with settings.blaming("datasets", name):
        found = verify_dataset(database)
    shared.say(in_words(found, _table_3(database.adapter)))
    sys.exit(1 if found.problems else 0)


def _table_3(adapter: str) -> str:
    """Return what the CPRL paper's Table 3 says of a database; empty if it does not name it."""
    from .....reports.catalogue import dataset_name
    from .....reports.published import paper_numbers

    counts = {place[-1]: int(value) for place, value in paper_numbers().items() if place[0] == adapter}
    if "images" not in counts:
        return ""
    types = f", {plural(counts['types'], 'distortion type')}" if "types" in counts else ""
    note = f" ({_NOTES[adapter]})" if adapter in _NOTES else ""
    return f"{dataset_name(adapter)}: {plural(counts['images'], 'image')}{types}{note}"


_NOTES = {"live": "the database has 779", "vcl": "552 distorted images and their 23 references"}
"""Remarks on databases whose number of images is not the one that the paper prints."""
