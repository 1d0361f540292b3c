"""The `iqabench` command. Each subcommand imports what it needs, so that `--help` answers at once."""

import sys
from typing import Any

import click

from ..core.errors import UserError
from .commands.audit import audit
from .commands.check import check
from .commands.config import config
from .commands.datasets import datasets
from .commands.entry import entry
from .commands.explain import explain
from .commands.leaderboard import leaderboard
from .commands.list import list_names
from .commands.report import report
from .commands.results import results
from .commands.run import run
from .commands.train import train

INTERRUPTED = 130  # the shell's exit status for Ctrl-C


class ForPeople(click.Group):
    """Shows a `UserError` of a command as a message with exit status 2, and Ctrl-C as what to do next."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            click.echo(
                "\nStopped. What was done is kept: run the same command again to go on from there.",
                err=True,
            )
            sys.exit(INTERRUPTED)


@click.group(cls=ForPeople, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iqabench")
def main() -> None:
    """How robust is a no-reference image quality metric to an invisible perturbation?

    `iqabench run` sweeps datasets x models x attacks x epsilon into a store; `iqabench report` renders the
    tables and figures of the paper from it; `iqabench check` fails a CI job when a number moves; `iqabench
    leaderboard` builds a site of submissions, reported and measured.
    """


_COMMANDS = (
    *(run, train, audit, explain, results, report, check),
    *(leaderboard, entry, datasets, list_names, config),
)
for _command in _COMMANDS:
    main.add_command(_command)
