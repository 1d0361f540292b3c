"""`iqabench results`: prints the numbers of a store."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .. import shared


@click.command()
@shared.form
@shared.logistic
@shared.results_to_read
def results(form: Any, logistic: Any, results: Path) -> None:
    """Print a row per cell: metrics with their intervals."""
    import pandas as pd

    from ....reports.catalogue import in_order
    from ...store.results import read_results
    from ...store.results_text import render_results

    found = read_results(results, logistic=logistic)
    if form != "table":  # which lists them itself
        for note in found.left_out:
            shared.say(note, err=True)
    rows = pd.concat([found.frame, found.static], ignore_index=True) if len(found.static) else found.frame
    shared.say(render_results(replace(found, frame=in_order(rows)), form), nl=False)
