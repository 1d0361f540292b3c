"""Writes the tables of keys in docs/configuration.md from the settings: python docs/configuration.py."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from iqabench.bench.core.configuration import tables
from iqabench.bench.core.configuration.values import LARGEST
from iqabench.bench.core.files import write_text

PAGE = Path(__file__).with_suffix(".md")

TABLES: dict[str, type[BaseModel]] = {
    "run": tables.RunSettings,
    "engine": tables.EngineSettings,
    "training": tables.TrainingSettings,
    "training.adversarial": tables.AdversarialSettings,
    "check": tables.CheckSettings,
}
"""Schemas by the heading of their table on the page."""

LINKS = {"train_on": "[datasets.md](datasets.md#across-databases)", "defences": "[defences.md](defences.md)"}
"""Where the page says more about a key."""

_WORDS = {"string": "text", "boolean": "`true` or `false`", "integer": "integer", "number": "number"}


def page(text: str) -> str:
    """Return the text of the page with its tables of keys as the settings say."""
    for name, schema in TABLES.items():
        heading = rf"^###? `\[{re.escape(name)}\]`$"
        rows = "".join(f"{row}\n" for row in _rows(schema))
        text, found = re.subn(
            rf"({heading}.*?\n\| key \| type \| what it is \|\n\|---\|---\|---\|\n)(?:\|[^\n]*\n)*",
            lambda match, rows=rows: match[1] + rows,
            text,
            count=1,
            flags=re.DOTALL | re.MULTILINE,
        )
        assert found, name
    return text


def _rows(schema: type[BaseModel]) -> Iterator[str]:
    for name, described in schema.model_json_schema()["properties"].items():
        if "$ref" not in described:  # a table of its own
            more = f" ({LINKS[name]})" if name in LINKS else ""
            yield f"| `{name}` | {_accepted(described)} | {described['description']}{more} |"


def _accepted(schema: dict[str, Any]) -> str:
    """Return in words what a JSON schema accepts."""
    if "accepted" in schema:
        return str(schema["accepted"])
    if "anyOf" in schema:
        return " or ".join(_accepted(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "const" in schema or "enum" in schema:
        return ", ".join(f'`"{value}"`' for value in schema.get("enum", [schema.get("const")]))
    return _WORDS[schema["type"]] + _range(schema)


def _range(schema: dict[str, Any]) -> str:
    above, low, high = (schema.get(key) for key in ("exclusiveMinimum", "minimum", "maximum"))
    least = f" ≥ {low}" if low is not None else f" > {above}" if above is not None else ""
    if high is None or high >= LARGEST:
        return least
    return f", {low} to {high}" if low is not None else f"{least}, at most {high}"


if __name__ == "__main__":
    write_text(PAGE, page(PAGE.read_text(encoding="utf-8")))
