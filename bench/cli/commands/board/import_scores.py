"""`iqabench import`: puts scores that others measured into a store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ... import shared

if TYPE_CHECKING:
    from ....store.outside.table import Scale


@click.command("import")
@click.argument("file", type=shared.PATH)
@click.option("--model", metavar="NAME", required=True, help="Name of the metric in the store.")
@click.option("--source", metavar="TEXT", required=True, help="Who measured it, and where that is published.")
@click.option("--dataset", metavar="NAME", help="Dataset of all rows, if the file has no such column.")
@click.option("--attack", metavar="NAME", help="Attack of all rows, if the file has no such column.")
@click.option(
    "--epsilon",
    type=float,
    metavar="E",
    help="Epsilon of all rows in units of 1/255, if the file has no such column.",
)
@click.option(
    "--scores", metavar="WORST,BEST", default="0,1", show_default=True, help="Ends of the metric's scale."
)
@click.option("--labels", metavar="WORST,BEST", help="Ends of the scale of the labels, if the file has any.")
@shared.results
def import_scores(
    file: Path,
    model: str,
    source: str,
    dataset: str | None,
    attack: str | None,
    epsilon: float | None,
    scores: str,
    labels: str | None,
    results: Path,
) -> None:
    """Put per-image scores that others measured into the store.

    FILE is a CSV with the columns image, clean, and adversarial or low and high; it may also have attack,
    epsilon, psnr, ssim, label, dataset. Result files of MSU's benchmarks are read as they are. Each of its
    numbers is shown as measured elsewhere.
    """
    from ....store.outside.cells import store_outside
    from ....store.outside.table import read_outside
    from ....store.store import Store

    table, notes = read_outside(
        file,
        scores=_scale("--scores", scores),
        labels=_scale("--labels", labels) if labels else None,
        dataset=dataset,
        attack=attack,
        epsilon=epsilon,
    )
    for note in notes:
        shared.say(f"Note: {note}", err=True)
    found = store_outside(
        table, Store(results), model=model, source=source, file=file, command=shared.command_line()
    )
    shared.say(found.words)


def _scale(option: str, text: str) -> "Scale":
    from ....core.errors import UserError
    from ....store.outside.table import Scale

    try:
        worst, best = (float(part) for part in text.split(","))
    except ValueError:
        worst = best = float("nan")
    if not abs(worst - best) > 0 or abs(worst - best) == float("inf"):
        raise UserError(f"{option}: found {text!r}, accepted are two different numbers, as in 0,100")
    return Scale(worst, best)
