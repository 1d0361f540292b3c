"""The entry: one small TOML file with what a model is, and its numbers as reported and as measured.

`docs/leaderboard.md` describes every key. Reading one finds all that is wrong with it, not only the first.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from ....bench.core.errors import nearest
from ....bench.core.files import regular
from ....bench.core.parameters import accepted, cut
from ....bench.store.condition import attack_phrase

LARGEST = 1 << 20  # maximum bytes of an entry's TOML file
_SMALLEST_EPSILON = 0.1  # of a reported number; less is surely in pixel units, where 1/255 is 0.0039


def _line(text: str) -> str:
    if not text.strip() or len(text) > 500 or not text.isprintable():
        raise ValueError("one line of text that is not empty, of at most 500 characters")
    return text.strip()


def _url(text: str) -> str:
    if not text.startswith(("https://", "http://")) or not text.isprintable() or {*text} & {*' <>"'}:
        raise ValueError("an address that begins with https://, without spaces")
    return text


def _sha256(text: str) -> str:
    if len(text) != 64 or {*text.lower()} - {*"0123456789abcdef"}:
        raise ValueError("a SHA-256 digest: 64 hexadecimal digits, as `sha256sum FILE` prints them")
    return text.lower()


def _relative_path(text: str) -> str:
    path = PurePosixPath(text)
    inside = not path.is_absolute() and ".." not in path.parts and "\\" not in text
    if not (inside and path.name and text.isprintable()):
        raise ValueError("a file in this TOML file's folder or below, its path relative to it, with /")
    return text


def _within(low: float, high: float, what: str) -> AfterValidator:
    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(what)
        return value

    return AfterValidator(check)


Line = Annotated[str, AfterValidator(_line)]
Url = Annotated[str, AfterValidator(_url)]
Correlation = Annotated[FiniteFloat, _within(-1, 1, "a correlation, from -1 to 1")]
SquaredError = Annotated[FiniteFloat, _within(0, 1, "a mean squared error of quality in [0, 1], from 0 to 1")]
Radius = Annotated[FiniteFloat, _within(0, 255, "in units of 1/255, from 0 (no attack) to 255")]
Move = Annotated[FiniteFloat, _within(-1, 1, "a change of the score on a scale from 0 to 1, from -1 to 1")]
Bounds = Annotated[list[Correlation], Field(min_length=2, max_length=2)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Paper(_Table):
    """The paper that the method is from."""

    title: Line
    url: Url | None = None
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None


class Weights(_Table):
    """Trained weights: where they are, or how to tell that they are the same."""

    url: Url | None = None
    sha256: Annotated[str, AfterValidator(_sha256)] | None = None
    dataset: Line | None = None
    seed: int | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Weights":
        if self.url is None and self.sha256 is None:
            raise ValueError("a url, a sha256, or both")
        return self


class _Number(_Table):
    dataset: Line
    attack: Line
    epsilon: Radius
    plcc: Correlation | None = None
    mse: SquaredError | None = None
    worst_srocc: Correlation | None = None

    @model_validator(mode="after")
    def _names_a_condition(self) -> "_Number":
        if (self.attack == "none") != (self.epsilon == 0):
            raise ValueError('attack = "none" with epsilon = 0, or an attack with an epsilon above 0')
        return self

    @property
    def condition(self) -> tuple[str, str, float]:
        """Dataset, attack and epsilon; for them an entry has one number of each kind."""
        return self.dataset, self.attack, self.epsilon


class Reported(_Number):
    """A number as a paper prints it; of images without labels, how far an attack moves the scores."""

    source: Line
    srocc: Correlation | None = None
    rise: Move | None = None
    r: FiniteFloat | None = None

    @model_validator(mode="after")
    def _of_images_with_or_without_labels(self) -> "Reported":
        if (self.srocc is None) == (self.rise is None and self.r is None):
            raise ValueError("srocc, or of images without labels rise, r or both")
        return self

    @model_validator(mode="after")
    def _in_units_of_255(self) -> "Reported":
        if 0 < self.epsilon < _SMALLEST_EPSILON:
            raise ValueError(
                f"epsilon in units of 1/255: {self.epsilon:g} of pixels in [0, 1] is "
                f"{255 * self.epsilon:.4g} here"
            )
        return self


class Measured(_Number):
    """A number with the per-image scores that it comes from: a file for each seed, whose mean it is."""

    srocc: Correlation
    scores: Annotated[list[Annotated[str, AfterValidator(_relative_path)]], Field(min_length=1)]
    interval: Bounds | None = None
    worst_interval: Bounds | None = None


class Entry(_Table):
    """An entry."""

    name: Line
    training: Line
    model: Line | None = None
    authors: list[Line] = []
    code: Url | None = None
    unreliable: Line | None = None
    audit: Literal["sound", "doubtful"] | None = None
    paper: Paper | None = None
    weights: list[Weights] = []
    reported: list[Reported] = []
    measured: list[Measured] = []


_ROWS: dict[str, type[_Table]] = {"weights": Weights, "reported": Reported, "measured": Measured}
"""Schemas of the arrays of tables."""


@dataclass(frozen=True)
class Reading:
    """Result of reading an entry."""

    entry: Entry | None  # all of it; None if anything is wrong with it
    model: str | None  # the model that it names; None if it names none
    # those of its measured rows that could be understood, by their number, from 1
    measured: Mapping[int, Measured]
    problems: tuple[str, ...]  # all that is wrong, in sentences without the file's name


Number = TypeVar("Number", bound=_Number)


def read_entry(path: Path) -> Reading:
    """Read the TOML file of an entry, without looking at the files of scores that it names."""
    try:
        values = _parsed(path)
    except ValueError as error:
        return Reading(None, None, {}, (str(error),))
    return understood(values)


def understood(values: Mapping[str, Any]) -> Reading:
    """Read the values of an entry's TOML file."""
    entry, problems = None, list[str]()
    try:
        entry = Entry.model_validate(values)
    except ValidationError as error:
        problems += map(_in_words, error.errors())
    reported, measured = _rows(Reported, values.get("reported")), _rows(Measured, values.get("measured"))
    problems += [*_duplicates("reported", reported), *_duplicates("measured", measured)]
    if not values.get("reported") and not values.get("measured"):
        problems.append("no numbers: write [[reported]] or [[measured]] rows")
    named = values.get("model")
    model = named if isinstance(named, str) else None
    return Reading(None if problems else entry, model, measured, tuple(problems))


def _parsed(path: Path) -> dict[str, Any]:
    """Return the values of a TOML file; raise ValueError where there are none."""
    if path.is_dir():
        raise ValueError("a folder; name the TOML file in it")
    try:
        with regular(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise ValueError(
            "more than 1 MiB; an entry is a small TOML file, per-image scores are files of their own"
        )
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not a TOML file in UTF-8: byte {error.start} is no text") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a TOML file: {cut(str(error), 200)}") from None


def _rows(schema: type[Number], rows: Any) -> dict[int, Number]:
    """Return the valid rows of an array of tables by their number."""
    found = {}
    for number, values in enumerate(rows if isinstance(rows, list) else [], start=1):
        with suppress(ValidationError):
            found[number] = schema.model_validate(values)
    return found


def _in_words(problem: ErrorDetails) -> str:
    schema: type[_Table]
    match problem["loc"]:
        case (str(table), int(row), *keys) if table in _ROWS:
            where, schema = f"[[{table}]] row {row + 1}: ", _ROWS[table]
        case ("paper", *keys):
            where, schema = "[paper]: ", Paper
        case keys:
            where, schema = "", Entry
    if not keys:  # the whole table
        rule = problem["msg"].removeprefix("Value error, ")
        return f"{where}accepted is {rule if problem['type'] == 'value_error' else 'a table'}"
    key = cut(".".join(map(str, keys)))
    if problem["type"] == "extra_forbidden":
        belongs = schema is Reported and key in Measured.model_fields
        advice = "it belongs under [[measured]]" if belongs else nearest(key, schema.model_fields)
        return f"{where}unknown key {key!r}: {advice}"
    if not where and key in _ROWS:
        return f"key {key!r}: accepted are rows, each under [[{key}]]"
    if schema is Measured and key == "scores" and problem["type"] == "missing":
        return (
            f"{where}key 'scores': missing, so nothing can verify the number: give the file of its per-image "
            "scores, or move the row to [[reported]] and say its source"
        )
    return f"{where}key {key!r}: {accepted(problem)}"


def _duplicates(table: str, rows: Mapping[int, _Number]) -> Iterator[str]:
    first: dict[tuple[str, str, float], int] = {}
    for number, row in rows.items():
        if row.condition in first:
            rows_of_both = f"[[{table}]] rows {first[row.condition]} and {number}"
            yield f"{rows_of_both}: both are {in_words(row.condition)}; keep one"
        first.setdefault(row.condition, number)


def in_words(condition: Sequence[Any]) -> str:
    """Return a dataset, attack and epsilon as a phrase: `live, fgsm at 1/255`."""
    dataset, attack, epsilon = condition
    return f"{dataset}, {attack_phrase(attack, epsilon)}"
