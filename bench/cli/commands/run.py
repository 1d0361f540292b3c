"""`iqabench run`: the sweep."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from .. import shared


@click.command()
@shared.configuration
@shared.what
@shared.list_option("--attacks", "Names, or all.")
@shared.list_option("--epsilons", "Radii of the L-inf ball, in units of 1/255; 8/255 is 8.")
@shared.training
@click.option("--limit", type=int, help="Score only so many test images of each dataset.")
@click.option(
    "--save-images",
    type=shared.PATH,
    metavar="DIR",
    help="Write the adversarial images as PNG files there, with their scores before and after rounding.",
)
@shared.results
@shared.plugins
def run(results: Path, save_images: Path | None, **options: Any) -> None:
    """Sweep datasets x models x attacks x epsilon; train what has no weights; skip what is done."""
    prepare_process()
    settings = shared.settings_of(options)
    from ...sweep.runner import run_sweep

    done = run_sweep(settings, results, command=shared.command_line(), save_images=save_images)
    shared.draw_missing_curves(results)
    shared.say(
        f"{done.total} cells in {results}: {done.computed} computed, {done.found} found done; "
        f"{done.trained} models trained."
    )
