"""`iqabench run`: runs the sweep."""

from pathlib import Path
from typing import Any

import click

from ...core.process import prepare_process
from ...core.text import plural
from .. import shared
from ..workers import WORKER, ended_by_the_first, working_together


@click.command()
@shared.configuration
@shared.what
@shared.list_option("--attacks", "Names of attacks, or all.")
@shared.defences
@shared.list_option("--epsilons", "Radii of the L-inf ball, in units of 1/255; 8/255 is 8.")
@shared.training
@shared.limit("Score only so many test images of each dataset. Default: 36 by the profile demo, else all.")
@click.option(
    "--save-images",
    type=shared.PATH,
    metavar="DIR",
    help="Folder for the adversarial images as PNG files, with their scores before and after rounding.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of processes that share the jobs of the sweep."
)
@shared.engine
@click.option(WORKER, is_flag=True, hidden=True)
@shared.verbosity
@shared.results
@shared.plugins
def run(
    results: Path, save_images: Path | None, quiet: bool, verbose: bool, worker: bool, **options: Any
) -> None:
    """Sweep datasets x models x attacks x epsilon; train what has no weights; skip what is done.

    Ends with the SROCC of each model, clean and in the worst case that was found within each epsilon.
    Messages are also kept in the store's run.log.
    """
    prepare_process()
    settings = shared.settings_of(options)
    from ...core.progress import Show
    from ...store.results import read_results
    from ...store.standing import next_steps, standing
    from ...sweep.runner import JobsFailed, run_sweep

    workers = 1 if worker or settings.run.engine == "ray" else settings.run.workers
    failed = None
    with shared.told(results, quiet=quiet, verbose=verbose) as show:
        shown: Show = "lines" if worker and show else show
        with ended_by_the_first() if worker else working_together(shared.arguments(), workers):
            try:
                done = run_sweep(settings, results, show=shown, save_images=save_images)
            except JobsFailed as error:
                done, failed = error.summary, error
    if worker:
        return
    shared.draw_missing_curves(results)
    found = read_results(results)
    shared.say("\n".join(standing(found, done.keys)))
    if not quiet:
        datasets = [*settings.run.datasets, *(settings.run.train_on or [])]
        for step in next_steps(found, done.keys, shared.address(), settings.command, datasets):
            shared.say(step)
        shared.say(
            f"{plural(done.total, 'cell')} in {shared.address()}: {done.computed} computed"
            f"{' by this process' * (workers > 1)}, "
            f"{done.found} found done; {plural(done.trained, 'model')} trained."
        )
    if failed:
        raise failed
