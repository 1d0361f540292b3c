"""Pages of the documentation, and what tests take from them: blocks, and commands."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def page_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def blocks(page: str, language: str = "") -> list[str]:
    """Return the blocks of a page that are in a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [block for of, block in found if of == language]


def commands(text: str, name: str = "") -> list[list[str]]:
    """Return the arguments of each line that runs `iqabench`, or one command of it."""
    lines = re.findall(rf"^iqabench ({name}.*)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]
