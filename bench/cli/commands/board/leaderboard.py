"""`iqabench leaderboard`: builds the public site."""

from contextlib import nullcontext
from pathlib import Path

import click

from ... import shared


@click.command()
@click.option("--out", type=shared.PATH, default="site", show_default=True, help="Folder of the site.")
@click.option(
    "--entries",
    type=shared.PATH,
    multiple=True,
    metavar="PATH",
    help="An entry's TOML file, or a folder of them, in addition to the package's own. May be repeated.",
)
@click.option(
    "--results",
    metavar="DIR|URL",
    help="A store whose numbers take part as measured. Default: results, where there is one.",
)
def leaderboard(out: Path, entries: tuple[Path, ...], results: str | None) -> None:
    """Build the leaderboard as a static site: a ranking for each database and threat, a page for each
    model.
    """
    from .....reports.leaderboard.compose import compose_board
    from .....reports.leaderboard.site.site import write_site
    from ....store.remote.opening import open_store

    if results is None and Path("results", "cells").is_dir():
        results = "results"
    with open_store(results, needs="numbers") if results is not None else nullcontext() as store:
        board = compose_board(entries, store)
    for note in board.notes:
        shared.say(f"Note: {note}", err=True)
    shared.say(write_site(board, out))
