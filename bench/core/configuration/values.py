"""Types of the configuration's values, and what each accepts."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat

ALL = "all"

LARGEST = 2**63 - 1  # highest whole number of a TOML file, as its standard has it
SMALLEST = 0.1  # least epsilon above 0, in units of 1/255: one below is taken for a number in another unit

_EPSILON = 'a number in units of 1/255, such as 8 or "8/255"'


def _names(value: Any) -> Any:
    if value == ALL:
        return [ALL]
    if not isinstance(value, list):
        raise ValueError('a list of names, or "all"')
    return value


def _seeds(value: Any) -> list[int]:
    seeds = value if isinstance(value, list) else [value]
    if not seeds or not all(type(seed) is int and 0 <= seed <= LARGEST for seed in seeds):
        raise ValueError("a whole number from 0 to 2^63 - 1, or a list of such")
    return list(dict.fromkeys(seeds))


def _epsilon(value: Any) -> Any:
    """Understand `8/255` as 8, and refuse what is probably meant in units of the pixel range."""
    if isinstance(value, str):
        numerator = value.strip().removesuffix("255").rstrip().removesuffix("/") if "/" in value else value
        try:
            value = float(numerator)
        except ValueError:
            raise ValueError(_EPSILON) from None
    if isinstance(value, bool):
        raise ValueError(_EPSILON)
    if isinstance(value, int | float) and 0 < value < SMALLEST:
        raise ValueError(
            f"a radius in units of 1/255, 0 or at least {SMALLEST}: did you mean {255 * value:.4g}, which is "
            f"{value:g} of pixels in [0, 1]?"
        )
    # With the digits that files and tables show of it.
    return float(f"{value:g}") if isinstance(value, float) else value


def _some(epsilons: list[float]) -> list[float]:
    if not epsilons:
        raise ValueError("at least one radius; [0] scores clean images alone")
    return epsilons


def _number_or(word: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value != word and (type(value) is not int or value < 1):
            raise ValueError(f'a whole number from 1, or "{word}"')
        return value

    return BeforeValidator(check)


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", value):
        raise ValueError('"auto", "cpu", "cuda" or "cuda:N"')
    return value


def _described(words: str) -> Any:
    """Return what documentation says that a value may be, where its type does not tell."""
    return Field(json_schema_extra={"accepted": words})


BatchSize = Annotated[int | Literal["auto"], _number_or("auto"), _described('integer ≥ 1 or `"auto"`')]
Limit = Annotated[int | Literal["all"], _number_or(ALL), _described('integer ≥ 1 or `"all"`')]
Device = Annotated[str, AfterValidator(_device), _described('`"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"`')]
Names = Annotated[list[str], BeforeValidator(_names), _described('list or `"all"`')]
PIXEL = 1 / 255  # the unit of a configured epsilon, in pixel units of [0, 1]

_RADIUS = f"0 or {SMALLEST} to 255"
Epsilon = Annotated[float, BeforeValidator(_epsilon), Field(ge=0, le=255), _described(f"number, {_RADIUS}")]
Epsilons = Annotated[
    list[Epsilon], AfterValidator(_some), _described(f'list of numbers, {_RADIUS}; `"8/255"` is 8')
]
Tolerance = Annotated[FiniteFloat, Field(ge=0)]
Seeds = Annotated[list[int], BeforeValidator(_seeds), _described("integer ≥ 0, or a list of such")]
Regime = Literal["clean", "adversarial"]
Precision = Literal["fp32", "tf32", "bf16"]
