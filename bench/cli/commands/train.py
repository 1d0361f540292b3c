"""`iqabench train`: trains models without scoring them."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from ...core.text import plural
from .. import shared


@click.command()
@shared.configuration
@shared.what
@shared.training
@shared.engine
@shared.verbosity
@shared.results
@shared.plugins
def train(results: Path, quiet: bool, verbose: bool, **options: Any) -> None:
    """Train the models that have no weights yet, without scoring them."""
    prepare_process()
    settings = shared.settings_of(options)
    from ...sweep.runner import train_models

    with shared.told(results, quiet=quiet, verbose=verbose) as show:
        done = train_models(settings, results, show=show)
    shared.draw_missing_curves(results)
    shared.say(
        f"{plural(done.trained, 'model')} trained, {done.found} found trained in "
        f"{shared.address()}/checkpoints: weights, how they were made (.json), and the curves of their "
        "training (.csv, .svg)."
    )
