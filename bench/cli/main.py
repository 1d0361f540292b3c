"""The `iqabench` command. Each subcommand imports what it needs, so that `--help` answers at once."""

import click

from ..core.process import share_the_cores
from .commands.leaderboard import entry, leaderboard
from .commands.reporting import check, report, results
from .commands.sweep import config, datasets, explain, list_names, run, train


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iqabench")
def main() -> None:
    """How robust is a no-reference image quality metric to an invisible perturbation?

    `iqabench run` sweeps datasets x models x attacks x epsilon into a store; `iqabench report` renders the
    tables and figures of the paper from it; `iqabench check` fails a CI job when a number moves; `iqabench
    leaderboard` builds a site of submissions, reported and measured.
    """
    share_the_cores()


_COMMANDS = (run, train, explain, results, report, check, leaderboard, entry, datasets, list_names, config)
for _command in _COMMANDS:
    main.add_command(_command)
