"""`iqabench report`: renders the paper's tables and figures."""

from pathlib import Path
from typing import Any

import click

from .. import shared

FORMATS = ["html", "latex", "markdown", "csv"]


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option("--out", type=shared.PATH, default="report", show_default=True, help="Folder.")
@shared.logistic
@shared.results_to_read
def report(form: str, out: Path, logistic: Any, results: Path) -> None:
    """Render the paper's tables and figures from the store.

    Figures 1, 4 and 5 are drawn from the numbers that `iqabench explain` keeps there.
    """
    from ....reports import write_report

    shared.say(write_report(results, form, out, logistic=logistic))
