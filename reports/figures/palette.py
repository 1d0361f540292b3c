"""How a model is drawn, the same in every figure: colour, marker and line, on light and on dark ground.

The colours are Okabe and Ito's, safe for the colour-blind, adjusted to stand out on both grounds; markers
tell the models apart without colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Look of one curve; `light` and `dark` are its colours on the respective ground."""

    light: str
    dark: str
    marker: str
    dashes: str | tuple[int, tuple[float, ...]] = "-"
    width: float = 1.6


@dataclass(frozen=True)
class Role:
    """A colour that is no model's: text, axes, grid."""

    light: str
    dark: str


INK = Role("#1d2026", "#e8eaee")
MUTED = Role("#6b7079", "#9aa0ab")
GRID = Role("#e3e5e9", "#31353c")

MODELS = {
    "dbcnn": Style("#d98c00", "#f0b042", "s"),
    "nima": Style("#45a5e0", "#8fd0fb", "^"),
    "resnet": Style("#77787d", "#b3b5bb", "o"),
    "lwta": Style("#00966c", "#2cc795", "D"),
    "denoise": Style("#c765a0", "#e59bc7", "v"),
    "sat": Style("#0067a8", "#4f97f7", "P"),
    "cprl": Style("#d04a02", "#ff7d3a", "o", width=2.4),
}

_OTHERS = (
    Style("#7a2d8f", "#c58ad6", "X", (0, (5, 2))),
    Style("#7c7a12", "#c9c64a", "<", (0, (5, 2))),
    Style("#2f2f8a", "#9a9af0", ">", (0, (5, 2))),
    Style("#8a3b3b", "#e09a9a", "h", (0, (5, 2))),
    Style("#1d7f88", "#62cbd4", "p", (0, (5, 2))),
)


def styles(models: Sequence[str]) -> dict[str, Style]:
    """A style for each model: fixed for the package's own, dashed and in turn for others."""
    others = [name for name in models if name not in MODELS]
    turn = {name: _OTHERS[index % len(_OTHERS)] for index, name in enumerate(others)}
    return {name: MODELS.get(name) or turn[name] for name in models}


def themed() -> dict[str, tuple[str, str]]:
    """CSS variable by light colour, and the dark colour to give it: `{"#1d2026": ("--ink", "#e8eaee")}`."""
    roles = {"--ink": INK, "--muted": MUTED, "--grid": GRID}
    series = {f"--series-{index}": style for index, style in enumerate([*MODELS.values(), *_OTHERS])}
    colours = {variable: (role.light, role.dark) for variable, role in roles.items()}
    colours |= {variable: (style.light, style.dark) for variable, style in series.items()}
    return {light: (variable, dark) for variable, (light, dark) in colours.items()}
