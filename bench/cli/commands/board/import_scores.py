"""`iqabench import`: puts scores that others measured into a store."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....core.errors import UserError
from ... import shared

if TYPE_CHECKING:
    from ....store.outside.table import Scale


def _scale(ctx: click.Context, option: click.Parameter, text: str | None) -> "Scale | None":
    if text is None:
        return None
    from ....store.outside.table import Scale

    try:
        worst, best = map(float, text.split(","))
    except ValueError:
        worst = best = math.nan
    if not 0 < abs(worst - best) < math.inf:
        raise UserError(f"{option.opts[0]}: found {text!r}, accepted are two different numbers, as in 0,100")
    return Scale(worst, best)


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
    "--scores",
    metavar="WORST,BEST",
    default="0,1",
    show_default=True,
    callback=_scale,
    help="Ends of the metric's scale.",
)
@click.option(
    "--labels",
    metavar="WORST,BEST",
    callback=_scale,
    help="Ends of the scale of the labels, if the file has any.",
)
@shared.results
def import_scores(file: Path, model: str, source: str, results: Path, **options: Any) -> None:
    """Put per-image scores that others measured into the store.

    FILE is a CSV with the columns image, clean, and adversarial or low and high; it may also have attack,
    epsilon, psnr, ssim, label, dataset. Result files of MSU's benchmarks are read as they are. Each of its
    numbers is shown as measured elsewhere.
    """
    from ....store.outside.cells import store_outside
    from ....store.outside.table import read_outside
    from ....store.store import Store

    table, notes = read_outside(file, **options)
    for note in notes:
        shared.say(f"Note: {note}", err=True)
    store, command = Store(results), shared.command_line()
    shared.say(store_outside(table, store, model=model, source=source, file=file, command=command))
