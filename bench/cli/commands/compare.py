"""`iqabench compare`: tells whether one model is more robust than another on the same images."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from .. import shared


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--against", metavar="STORE", help="The store of B. Default: that of A.")
@shared.form
@shared.results_to_read
def compare(first: str, second: str, against: str | None, form: Any, results: Path) -> None:
    """Compare two models under every condition that both were measured under.

    Clean SROCC, worst-case SROCC and the width of the intervals of scores, by a paired bootstrap over images;
    p-values are corrected for their number. With --against, A may be the same model as B.
    """
    from ....reports.compare.pairs import compare as compare_models
    from ....reports.compare.words import render_comparison
    from ...store.remote.opening import open_store

    with open_store(against, needs="numbers") if against is not None else nullcontext() as other:
        found = compare_models(first, second, results, other)
    shared.say(render_comparison(found, form), nl=False)
    if form != "table":
        for note in found.notes:
            shared.say(note, err=True)
