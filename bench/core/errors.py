"""The one error that reaches a user: what is wrong, where, and what to do about it."""

import inspect
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]
_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()
_CALLERS = ("check.py", "check_attack.py", "check_dataset.py", "errors.py", "tables.py")
"""Modules that call the user's code: a line of theirs is not the user's."""


class UserError(Exception):
    """Something the user can put right; shown without a traceback, exit status 2."""


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says; its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the known names nearest to a mistyped one.

    >>> nearest("resnt", ["resnet", "cprl"])
    "did you mean 'resnet'? Known: cprl, resnet."
    """
    known = sorted(known)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    offer = f"did you mean {' or '.join(repr(match) for match in close)}? " if close else ""
    return f"{offer}Known: {', '.join(known) or 'none'}."


@contextmanager
def blaming_line(fault: str, who: object = None) -> Iterator[None]:
    """Turn whatever is raised into a `UserError` that says the fault, the cause and the user's line.

    The fault says who cannot do what: `Mine cannot score two images`. Where no line of the user's failed, it
    is said where the class of `who` begins.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"{fault}: {type(error).__name__}: {error}{_line(error, who)}") from error


@contextmanager
def located(where: str) -> Iterator[None]:
    """Say at the beginning of a `UserError` of the block what it is about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def is_installed(file: Path) -> bool:
    """Return whether a file belongs to an installed package or to Python, not to the user."""
    return bool({"site-packages", "dist-packages"} & {*file.parts}) or _LIBRARY in file.resolve().parents


def _line(error: BaseException, who: object) -> str:
    """Return the innermost line outside of the checks and of installed packages, else that of the class."""
    theirs = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not is_installed(Path(frame.filename))
        and not (_PACKAGE in Path(frame.filename).parents and Path(frame.filename).name in _CALLERS)
    ]
    if theirs:
        return f" ({theirs[-1].filename}, line {theirs[-1].lineno}: {theirs[-1].line})"
    try:
        file, line = Path(inspect.getfile(type(who))), inspect.getsourcelines(type(who))[1]
    except (TypeError, OSError):
        return ""
    return "" if is_installed(file) or _PACKAGE in file.parents else f" ({file}, line {line})"
