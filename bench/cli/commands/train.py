"""`iqabench train`: training alone."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from ..curves import draw_missing_curves
from ..options import (
    command_line,
    config_options,
    for_people,
    model_options,
    plugin_option,
    results_option,
    settings_of,
    training_options,
)


@click.command()
@config_options
@model_options
@training_options
@results_option
@plugin_option
@for_people
def train(results: Path, **options: Any) -> None:
    """Train the models that have no weights yet, without scoring them."""
    prepare_process()
    settings = settings_of(options)
    from ...sweep.runner import train_models

    done = train_models(settings, results, command=command_line())
    draw_missing_curves(results)
    click.echo(
        f"{done.trained} models trained, {done.found} found trained in {results / 'checkpoints'}: "
        "weights, how they were made (.json), and the curves of their training (.csv, .svg)."
    )
