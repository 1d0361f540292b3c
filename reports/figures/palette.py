"""Colours on light and on dark ground, and how a model is drawn, the same in every figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..catalogue import Style, catalogue


@dataclass(frozen=True)
class Role:
    """A colour that is not a model's: text, axes, grid."""

    light: str
    dark: str


INK = Role("#1d2026", "#e8eaee")
MUTED = Role("#6b7079", "#9aa0ab")
GRID = Role("#e3e5e9", "#31353c")


def styles(models: Sequence[str]) -> dict[str, Style]:
    """Return a style for each model: its own from the catalogue, or one of those for others, in turn."""
    known, spare = catalogue().models, catalogue().others
    others = [name for name in models if name not in known]
    turn = {name: spare[index % len(spare)] for index, name in enumerate(others)}
    return {name: known.get(name) or turn[name] for name in models}


def themed() -> dict[str, tuple[str, str]]:
    """Return (CSS variable, dark colour) by light colour: `{"#1d2026": ("--ink", "#e8eaee")}`."""
    looks = [*catalogue().models.values(), *catalogue().others]
    roles = {"--ink": INK, "--muted": MUTED, "--grid": GRID}
    colours = roles | {f"--series-{index}": style for index, style in enumerate(looks)}
    return {colour.light: (variable, colour.dark) for variable, colour in colours.items()}
