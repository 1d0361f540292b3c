"""File names of pages: `[a-z0-9-]+`, each of one thing only."""

import re
import unicodedata
from collections.abc import Iterable, Mapping


def slugs(names: Iterable[str], otherwise: str) -> dict[str, str]:
    """Return a slug for each name, unlike any other; `otherwise` for one without ASCII letters."""
    found: dict[str, str] = {}
    taken: dict[str, None] = {}
    for name in names:
        found[name] = unused(_plain(name) or otherwise, taken, joint="-")
        taken[found[name]] = None
    return found


def unused(name: str, taken: Mapping[str, object], joint: str = " ") -> str:
    """Return the name, with a number appended if it is taken."""
    count = 2
    found = name
    while found in taken:
        found = f"{name}{joint}{count}"
        count += 1
    return found


def _plain(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
