"""File names of pages: `[a-z0-9-]+`, each of one thing only."""

import re
import unicodedata
from collections.abc import Container, Iterable


def slugs(names: Iterable[str], otherwise: str) -> dict[str, str]:
    """Return a slug for each name, unlike any other; `otherwise` for one without ASCII letters."""
    found: dict[str, str] = {}
    for name in names:
        found[name] = unused(_plain(name) or otherwise, found.values(), joint="-")
    return found


def unused(name: str, taken: Container[object], joint: str = " ") -> str:
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
