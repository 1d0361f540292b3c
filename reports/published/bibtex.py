"""Writes BibTeX entries: of iqabench, and of papers whose numbers or models are shown."""

import re
from collections.abc import Sequence

from ...bench.core.version import __version__

COMMANDS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
"""LaTeX that prints each character that it would act on."""


def bibtex(title: str, authors: Sequence[str], year: int | None = None, url: str = "") -> str:
    """Return the entry of a paper; what is not known has no field."""
    family = _plain(authors[0].split()[-1]) if authors and authors[0].split() else "unknown"
    word = next((word for word in map(_plain, title.split()) if len(word) > 3), "work")
    return _entry(
        "misc",
        f"{family}{year or ''}{word}",
        {
            "title": f"{{{_escaped(title)}}}",
            "author": " and ".join(map(_escaped, authors)),
            "year": str(year or ""),
            "howpublished": f"\\url{{{_address(url)}}}" if url else "",
        },
    )


def bibtex_of_iqabench() -> str:
    """Return the entry of this version of iqabench, as CITATION.cff has it."""
    return _entry(
        "software",
        "iqabench",
        {
            "title": "{iqabench: a benchmark of the adversarial robustness of image quality assessment "
            "models}",
            "author": "{The iqabench authors}",
            "version": __version__,
        },
    )


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


def _escaped(text: str) -> str:
    return "".join(COMMANDS.get(sign, sign) for sign in " ".join(text.split()))


def _address(url: str) -> str:
    return re.sub(r"[{}\\\s]", lambda found: f"%{ord(found[0]):02X}", url)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())
