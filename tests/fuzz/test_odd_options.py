"""Whatever stands behind an option, no command shows a traceback, hangs or writes outside its folders.

`IQABENCH_FUZZ=50 pytest tests/fuzz` tries 2,500 odd values of options instead of a few.
"""

import random
from collections.abc import Iterator

import click

from iqabench.bench.cli.main import main

from .conftest import EXAMPLES
from .kinds import AUDIT, CERTIFY, CORRUPTIONS, EXPLAIN, IMAGES, IMPORT, KINDS, RUN, VERIFY  # fmt: skip
from .limits import PATIENCE, called, the_error
from .workspace import Workspace

HONEST = (
    *(RUN, AUDIT, CERTIFY, CORRUPTIONS, EXPLAIN, IMAGES, IMPORT, RUN.replace("run", "train", 1)),
    *(RUN.replace("run", "config", 1), RUN.replace("run", "doctor", 1), VERIFY.replace("NAME", "drawn.csv")),
    *("results", "report", "check", "compare tiny given", "leaderboard", "list models"),
    *("entry create --model tiny --out created.toml", "entry verify entry/entry.toml"),
)
"""A call of each command."""

ODD = (
    *("", " ", ",", "all", "none", "x" * 300, "ä\u202e\u0301", "a\x1b[31mb", "no/../such", "~", "\n"),
    *("tiny", "tiny,tiny"),
    *("0", "-1", "1e30", "nan", "inf", "1e-320", str(2**63), "0.5", "1,5", "5,1"),
    *("images", "drawn.csv", "bench.toml", "no/such", "endless", "memory://x", "s3://", "locked"),
)
"""Values that mean nothing, or not there."""

STARTS_PROCESSES = ("workers", "engine", "address")
"""Options whose values start processes, which tests of their own look at."""


def calls(command: str, value: str) -> Iterator[list[str]]:
    """Yield the call with a value for each of its options in turn, and for each of its arguments."""
    found, words = parsed(command)
    for option in options(found):
        yield [*command.split(), f"{option}={value}"]
    given = {option: parameter for parameter in found.params for option in parameter.opts}
    of_option = False
    for number, word in enumerate(words):
        if not word.startswith("-") and not of_option:
            before = command.split()[: -len(words)]
            yield [*before, *words[:number], *words[number + 1 :], "--", value]
        of_option = word.startswith("-") and not getattr(given[word], "is_flag", False)


def parsed(command: str) -> tuple[click.Command, list[str]]:
    """Return the command that is called, and the words after its name."""
    found: click.Command = main
    words = command.split()
    while isinstance(found, click.Group):
        found = found.commands[words.pop(0)]
    return found, words


def options(found: click.Command) -> Iterator[str]:
    """Yield each option that takes a value."""
    for parameter in found.params:
        if (
            isinstance(parameter, click.Option)
            and not parameter.is_flag
            and parameter.name not in STARTS_PROCESSES
        ):
            yield parameter.opts[0]


def test_no_value_of_an_option_shows_a_traceback_or_hangs(workspace: Workspace) -> None:
    trials = [call for command in HONEST for value in ODD for call in calls(command, value)]
    for command in random.Random(EXAMPLES).sample(trials, min(len(trials), 50 * EXAMPLES or 10)):
        workspace.restore(KINDS["configuration"])
        (workspace.root / "locked").mkdir(mode=0o500)
        (workspace.root / "endless").symlink_to("/dev/zero")  # a call may replace it, but no device
        result = called(workspace, command, PATIENCE)
        nothing_to_compare = command[0] == "check" and result.stdout  # a verdict, not an error
        if result.exit_code == 2 and not nothing_to_compare:
            the_error(result)
