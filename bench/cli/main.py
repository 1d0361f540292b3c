"""The `iqabench` command. Each subcommand imports what it needs, so that `--help` answers at once."""

import errno
import os
import sys
import traceback
from contextlib import suppress
from typing import Any

import click

from ..core.errors import UserError
from ..core.interrupts import Terminated, terminating
from . import shared
from .commands.audit import audit
from .commands.board.entry import entry
from .commands.board.import_scores import import_scores
from .commands.board.leaderboard import leaderboard
from .commands.certify import certify
from .commands.check import check
from .commands.compare import compare
from .commands.corruptions import corruptions
from .commands.explain import explain
from .commands.report import report
from .commands.results import results
from .commands.run import run
from .commands.setup.config import config
from .commands.setup.datasets import datasets
from .commands.setup.doctor import doctor
from .commands.setup.list import list_names
from .commands.train import train
from .shared import say
from .workers import WORKER

INTERRUPTED = 130  # the shell's exit status for Ctrl-C, which is signal 2
SIGNALLED = 128  # and, with its number added, for another: a scheduler can tell that it stopped a job
FAULT = 70  # of iqabench or of a plugin: EX_SOFTWARE of sysexits.h
DEBUG = "--debug"
COMMAS = "Several values of one option are separated by commas, without spaces: --models resnet,cprl"
OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.EIO}
WITHOUT_MEMORY = "out of memory: a smaller `batch_size` or `image_size` of [run] takes less"
LONGEST = 1500  # characters of a message, in which a damaged file may be quoted


class ForPeople(click.Group):
    """Shows an error of a command as a message, with exit status 2, and says after Ctrl-C what to do next."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `--debug` wherever it stands; keep the arguments for processes that run the same command."""
        ctx.meta[shared.ARGUMENTS] = list(args)
        return super().parse_args(
            ctx, [*([DEBUG] if DEBUG in args else []), *(a for a in args if a != DEBUG)]
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        _open_closed_streams()
        try:
            with terminating():
                return super().invoke(ctx)
        except click.UsageError as error:
            if "unexpected extra argument" in error.message:
                raise click.UsageError(f"{error.message}. {COMMAS}", error.ctx) from None
            raise
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except UserError as error:
            self._fail(ctx, str(error), 2)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            if _is_of_memory(error):
                self._fail(ctx, WITHOUT_MEMORY, 2)
            if error.errno in OF_THE_MACHINE or error.filename is not None:
                self._fail(ctx, f"{error.filename or _line_of(error)}: {error.strerror}", 2)
            self._fault(ctx, error)
        except KeyboardInterrupt as stop:
            if WORKER not in ctx.meta[shared.ARGUMENTS]:  # the process that started it says so
                with suppress(OSError):  # of a terminal that was closed
                    say(
                        "\nStopped. What was done is kept: run the same command again to go on from there.",
                        err=True,
                    )
            sys.exit(SIGNALLED + stop.number if isinstance(stop, Terminated) else INTERRUPTED)
        except Exception as error:
            if not _is_of_memory(error):
                self._fault(ctx, error)
            self._fail(ctx, WITHOUT_MEMORY, 2)

    def _fault(self, ctx: click.Context, error: Exception) -> None:
        self._fail(
            ctx,
            f"{type(error).__name__}: {error} ({_line_of(error)}). This is a fault of iqabench or of a "
            f"plugin; {DEBUG} shows how it came about",
            FAULT,
        )

    def _fail(self, ctx: click.Context, message: str, status: int) -> None:
        if len(message) > LONGEST:
            message = f"{message[: LONGEST // 2]} [...] {message[-LONGEST // 2 :]}"
        with suppress(OSError):  # where nobody can be told, the exit status tells
            if ctx.params.get("debug"):
                say(traceback.format_exc(), err=True)
            say(f"Error: {message}", err=True)
        sys.exit(status)


def _open_closed_streams() -> None:
    """Open those of the three standard streams that are closed; else a file would take one's number.

    What a library prints to standard output or error would be written into that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _is_of_memory(error: BaseException) -> bool:
    """Return whether memory was lacking, which torch and the loader of libraries say by a text only."""
    told = ("can't allocate memory", "failed to map segment", os.strerror(errno.ENOMEM))
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ImportError | OSError) and any(part in str(error) for part in told)
    )


def _line_of(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}, line {frame.lineno}"


@click.group(cls=ForPeople, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iqabench")
@click.option(DEBUG, is_flag=True, help="Show the traceback of an error, too.")
def main(debug: bool) -> None:
    """How robust is an image quality metric to a perturbation that nobody sees?

    `iqabench run` sweeps datasets x models x attacks x epsilon into a store; `iqabench report` renders the
    tables and figures of the paper from it; `iqabench check` fails a CI job when a number moves; `iqabench
    leaderboard` builds a site of submissions, reported and measured.
    """


_COMMANDS = (
    *(run, train, audit, certify, explain, results, report, check, compare, corruptions),
    *(leaderboard, entry, import_scores, doctor, datasets, list_names, config),
)
for _command in _COMMANDS:
    main.add_command(_command)
