"""Numbers, lists and small tables as text for people."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

NOT_RUN = "–"  # stands where there is no number
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key that TOML needs no quotes for


_ACTED_ON = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal acts on, or cannot print."""


def printable(text: str) -> str:
    r"""Return a text for a terminal: other control characters than line ends and tabs stand as `\x1b`."""
    return _ACTED_ON.sub(lambda found: ascii(found[0])[1:-1], text)


def number(value: float, digits: int = 4) -> str:
    """Return a number with a true minus sign, as in `−0.3869`; a dash where it is undefined."""
    if math.isnan(value):
        return NOT_RUN
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # + 0.0 makes a zero positive


def difference(value: float, published: float, digits: int = 4) -> str:
    """Return measured minus published, as in `+0.0123`, of the numbers as they are printed."""
    gap = round(value, digits) - round(published, digits)
    return f"{round(gap, digits) + 0.0:+.{digits}f}".replace("-", "−")


def interval(low: float, high: float, digits: int = 3) -> str:
    """Return an interval in brackets, as in `[−0.412, 0.118]`; empty where it is undefined."""
    return "" if math.isnan(low) else f"[{number(low, digits)}, {number(high, digits)}]"


def listing(items: Sequence[str]) -> str:
    """Return items as a phrase: `A`, `A and B`, `A, B and C`."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def heading(*keys: str) -> str:
    """Return the heading of a table as TOML has it: `[models.resnet]`, `[models."pyiqa:musiq"]`."""
    return f"[{'.'.join(key if _BARE.fullmatch(key) else _quoted(key) for key in keys)}]"


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=not key.isprintable())


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 model`, `7 models`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def capitalised(phrase: str) -> str:
    """Return a phrase as it begins a sentence; names inside it stay as they are."""
    return phrase[:1].upper() + phrase[1:]


def parameters(compact: str) -> str:
    """Return parameters stored as JSON for people: `{"steps": 10, "flip": false}` is `steps 10, no flip`."""
    given = json.loads(compact).items()
    return ", ".join(filter(None, (_parameter(key, value) for key, value in given if value is not None)))


def _parameter(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return key if value else f"no {key}"
    if isinstance(value, dict):
        inner = parameters(json.dumps(value))
        return f"{key} ({inner})" if inner else ""
    return f"{key} {value}"


def aligned(columns: dict[str, Any]) -> list[str]:
    """Return a table for people of texts by heading, `dataset` among them: names left, numbers right."""
    texts = {"dataset", "model", "regime", "attack", "variant", "status", "verdict"}
    lines = [""] * (len(columns["dataset"]) + 1)
    for name, values in columns.items():
        cells = [name, *values]
        width = max(map(len, cells))
        align = str.ljust if name in texts else str.rjust
        lines = [f"{line}  {align(cell, width)}" for line, cell in zip(lines, cells, strict=True)]
    return [line.strip() for line in lines]
