"""Whatever stands behind an option, no command shows a traceback, hangs or writes outside its folders.

`IQABENCH_FUZZ=1 pytest tests/fuzz` tries every odd value of every option instead of a few.
"""

import random
from collections.abc import Iterator

import click

from iqabench.bench.cli.main import main

from .conftest import EXAMPLES
from .limits import called, the_error
from .workspace import (
    AUDIT,
    CERTIFY,
    CORRUPTIONS,
    EXPLAIN,
    IMAGES,
    IMPORT,
    KINDS,
    RUN,
    VERIFY,
    Workspace,
)  # fmt: skip

HONEST = (
    *(RUN, AUDIT, CERTIFY, CORRUPTIONS, EXPLAIN, IMAGES, IMPORT, RUN.replace("run", "train", 1)),
    *(RUN.replace("run", "config", 1), RUN.replace("run", "doctor", 1), VERIFY.replace("NAME", "drawn.csv")),
    *("results", "report", "check", "compare tiny given", "leaderboard", "list models"),
    *("entry create --model tiny --out created.toml", "entry verify entry/entry.toml"),
)
"""A call of each command."""

ODD = (
    *(
        "",
        " ",
        ",",
        "all",
        "none",
        "x" * 300,
        "ä\u202e\u0301",
        "a\x1b[31mb",
        "no/../such",
        "~",
        "\n",
        "tiny",
        "tiny,tiny",
    ),
    *("0", "-1", "1e30", "nan", "inf", "1e-320", str(2**63), "0.5", "1,5", "5,1"),
    *(
        "images",
        "drawn.csv",
        "bench.toml",
        "no/such",
        "endless",
        "memory://x",
        "s3://",
        "locked",
    ),
)
"""Values that mean nothing, or not there."""

STARTS_PROCESSES = ("workers", "engine", "address")
"""Options whose values start processes, which tests of their own look at."""


def options(command: str) -> Iterator[str]:
    """Yield the option or argument of each parameter that takes a value."""
    found: click.Command = main
    for word in command.split():
        if not isinstance(found, click.Group):
            break
        found = found.commands[word]
    for parameter in found.params:
        if (
            isinstance(parameter, click.Option)
            and not parameter.is_flag
            and parameter.name not in STARTS_PROCESSES
        ):
            yield parameter.opts[0]


def test_no_value_of_an_option_shows_a_traceback_or_hangs(workspace: Workspace) -> None:
    trials = [(command, option, value) for command in HONEST for option in options(command) for value in ODD]
    for command, option, value in trials if EXAMPLES else random.Random(0).sample(trials, 10):
        workspace.restore(KINDS["configuration"])
        (workspace.root / "locked").mkdir(mode=0o500)
        (workspace.root / "endless").symlink_to("/dev/zero")  # a call may replace it, but no device
        result = called(workspace, [*command.split(), f"{option}={value}"], 60)
        nothing_to_compare = command.startswith("check") and result.stdout  # a verdict, not an error
        if result.exit_code == 2 and not nothing_to_compare:
            the_error(result)
