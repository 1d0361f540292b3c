"""`iqabench train`: training alone."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from .. import shared


@click.command()
@shared.configuration
@shared.what
@shared.training
@shared.results
@shared.plugins
def train(results: Path, **options: Any) -> None:
    """Train the models that have no weights yet, without scoring them."""
    prepare_process()
    settings = shared.settings_of(options)
    from ...sweep.runner import train_models

    done = train_models(settings, results, command=shared.command_line())
    shared.draw_missing_curves(results)
    shared.say(
        f"{done.trained} models trained, {done.found} found trained in {results / 'checkpoints'}: "
        "weights, how they were made (.json), and the curves of their training (.csv, .svg)."
    )
