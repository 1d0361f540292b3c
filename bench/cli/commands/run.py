"""`iqabench run`: the sweep."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from ..curves import draw_missing_curves
from ..options import (
    command_line,
    config_options,
    for_people,
    list_option,
    model_options,
    plugin_option,
    results_option,
    settings_of,
    training_options,
)


@click.command()
@config_options
@model_options
@list_option("--attacks", "Names, or all.")
@list_option("--epsilons", "Radii of the L-inf ball, in units of 1/255.", float)
@training_options
@click.option("--limit", type=int, help="Score only so many test images of each dataset.")
@results_option
@plugin_option
@for_people
def run(results: Path, **options: Any) -> None:
    """Sweep datasets x models x attacks x epsilon; train what has no weights; skip what is done."""
    prepare_process()
    settings = settings_of(options)
    from ...sweep.runner import run_sweep

    done = run_sweep(settings, results, command=command_line())
    draw_missing_curves(results)
    click.echo(
        f"{done.total} cells in {results}: {done.computed} computed, {done.found} found done; "
        f"{done.trained} models trained."
    )
