"""`iqabench entry`: submissions to the leaderboard."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ....core.process import prepare_process
from ....core.text import plural
from ... import shared


@click.group()
def entry() -> None:
    """Make an entry of the leaderboard from a store, or find out what is wrong with one."""


@entry.command()
@click.option("--model", metavar="NAME", required=True, help="Registered name of the model, as in the store.")
@click.option(
    "--out",
    type=shared.PATH,
    metavar="FILE.toml",
    required=True,
    help="File of the entry; its per-image scores go to the folder FILE.scores.",
)
@click.option("--regime", default="clean", show_default=True, help="Training regime of the model.")
@click.option(
    "--variant", default="", help="Variant of the model in a grid. Default: the model of its own table."
)
@click.option("--name", help="Name shown on the leaderboard. Default: the model's.")
@click.option("--author", "authors", metavar="NAME", multiple=True, help="An author. May be repeated.")
@click.option("--paper", metavar="TITLE", help="Title of the paper that presents the model.")
@click.option("--url", help="Address of the paper.")
@click.option("--year", type=int, help="Year of the paper.")
@click.option("--code", metavar="URL", help="Address of the code.")
@click.option("--weights", metavar="URL", help="Address of the weights.")
@click.option("--training", metavar="PHRASE", help="How the model was trained. Default: the regime.")
@shared.results
def create(model: str, out: Path, results: Path, **facts: Any) -> None:
    """Make an entry from the newest numbers of one model in the store, with their per-image scores."""
    from .....reports.leaderboard.submission.create import create_entry

    shared.say(create_entry(results, model, out, **facts))
    _verify([out])


@entry.command()
@click.argument(
    "files",
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=-1,
    required=True,
)
def verify(files: tuple[Path, ...]) -> None:
    """List everything that is wrong with entries. Their numbers are compared with their per-image scores.

    Exit status 0: nothing is wrong. 1: something is wrong. 2: wrong usage.
    """
    _verify(files)


@entry.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@shared.configuration
@click.option("--model", metavar="NAME", required=True, help="The model that the images were made for.")
@click.option("--dataset", metavar="NAME", required=True, help="Name of the dataset, or path of a CSV file.")
@click.option("--epsilon", metavar="E", required=True, help="Radius of the ball, in units of 1/255.")
@click.option("--norm", type=click.Choice(["linf", "l2"]), default="linf", show_default=True)
@shared.limit("Limit of the sweep whose cells the images join.")
@shared.training
@shared.results
@shared.plugins
def images(folder: Path, results: Path, norm: Any, **options: Any) -> None:
    """Score adversarial images from outside, and count them with the attacks that the store knows.

    FOLDER holds NAME.png, or {low,high,adversarial}/NAME.png, as `iqabench run --save-images` writes them.
    """
    prepare_process()
    for one, several in (("model", "models"), ("dataset", "datasets"), ("epsilon", "epsilons")):
        options[several] = [options.pop(one)]
    settings = shared.settings_of(options)
    from ....sweep.external import add_external

    found = add_external(settings, results, folder, norm=norm)
    shared.say(
        f"{plural(found.files, 'image')} inside the ball; {plural(found.further, 'end')} further than any "
        f"known attack; worst-case SROCC {found.after:z.3f}, {found.before:z.3f} without them. "
        f"Stored in {found.path}."
    )


def _verify(files: Sequence[Path]) -> None:
    from .....reports.leaderboard.submission.verify import verify as verified

    text, status = verified(files)
    shared.say(text)
    sys.exit(status)
