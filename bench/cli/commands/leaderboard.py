"""The commands of the leaderboard: `leaderboard` and `entry`."""

import sys
from pathlib import Path
from typing import Any

import click

from ..options import for_people, results_option


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    show_default=True,
    help="Folder of the site.",
)
@click.option(
    "--entries",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="An entry's TOML file, or a folder of them, in addition to the package's own. May be repeated.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A store whose numbers take part as measured. Default: results, where there is one.",
)
@for_people
def leaderboard(out: Path, entries: tuple[Path, ...], results: Path | None) -> None:
    """Build the leaderboard as a static site: a ranking per database and threat, a page per model."""
    from ....reports.leaderboard.compose import compose_board
    from ....reports.leaderboard.site.site import write_site

    if results is None and Path("results", "cells").is_dir():
        results = Path("results")
    board = compose_board(entries, results)
    for note in board.notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(write_site(board, out))


@click.group()
def entry() -> None:
    """Entries of the leaderboard: make one from a store, find what is wrong with one."""


@entry.command("create")
@click.option("--model", metavar="NAME", required=True, help="Registered name, as in the store.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    required=True,
    help="The entry; its per-image scores go to the folder FILE.scores.",
)
@click.option("--regime", default="clean", show_default=True, help="Of the training.")
@click.option("--variant", default="", help="Of the model, in a grid. Default: as its own table has it.")
@click.option("--name", help="As the leaderboard shows it. Default: the model's.")
@click.option("--author", "authors", metavar="NAME", multiple=True, help="May be repeated.")
@click.option("--paper", metavar="TITLE", help="The paper that the model is from.")
@click.option("--url", help="Of the paper.")
@click.option("--year", type=int, help="Of the paper.")
@click.option("--code", metavar="URL", help="Where the code is.")
@click.option("--weights", metavar="URL", help="Where the weights are.")
@click.option("--training", metavar="PHRASE", help="How it was trained. Default: the regime.")
@results_option
@for_people
def create_entry(model: str, out: Path, results: Path, **facts: Any) -> None:
    """Make an entry of the newest numbers of one model in the store, with their per-image scores."""
    from ....reports.leaderboard.submission.create import create_entry as create
    from ....reports.leaderboard.submission.verify import verify as verified

    click.echo(create(results, model, out, **facts))
    text, status = verified([out])
    click.echo(text)
    sys.exit(status)


@entry.command("verify")
@click.argument(
    "files",
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=-1,
    required=True,
)
@for_people
def verify_entry(files: tuple[Path, ...]) -> None:
    """Say everything that is wrong with entries, their numbers against their per-image scores included.

    Exit status 0: nothing. 1: something. 2: wrong usage.
    """
    from ....reports.leaderboard.submission.verify import verify as verified

    text, status = verified(files)
    click.echo(text)
    sys.exit(status)
