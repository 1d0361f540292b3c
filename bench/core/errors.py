"""The one error that reaches a user: what is wrong, where, and what to do about it."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can put right; shown without a traceback, exit status 2."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the known names nearest to a mistyped one.

    >>> nearest("resnt", ["resnet", "cprl"])
    "did you mean 'resnet'? Known: cprl, resnet."
    """
    known = sorted(known)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    offer = f"did you mean {' or '.join(repr(match) for match in close)}? " if close else ""
    return f"{offer}Known: {', '.join(known) or 'none'}."
