"""`iqabench report`: the paper's tables and figures."""

from pathlib import Path

import click

from ..options import PATH, for_people, results_option

FORMATS = ["html", "latex", "markdown", "csv"]


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option("--out", type=PATH, default="report", show_default=True, help="Folder.")
@results_option
@for_people
def report(form: str, out: Path, results: Path) -> None:
    """Render the paper's tables and figures from the store.

    Figures 1, 4 and 5 are drawn from what `iqabench explain` left in it.
    """
    from ....reports import write_report

    click.echo(write_report(results, form, out))
