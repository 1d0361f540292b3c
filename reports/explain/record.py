"""What is kept of an explanation, in `explanation.json`, for a report to show its figures again."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...bench.core.files import write_text
from ...bench.core.parameters import accepted
from ...bench.core.text import listing, number
from ..catalogue import dataset_name, model_name, ordered
from ..figures.svg import shapes

if TYPE_CHECKING:
    from ...bench.explain.explain import Explanation  # which imports torch, and a report needs none

RECORD = "explanation.json"
FORMAT = 1
FOLDER = "explain"
"""Of a store: where `iqabench explain` writes unless told otherwise."""

NUMBERS = "%.7g"
"""How numbers stand in the CSV files of an explanation: about as exact as its model's scores."""

_KINDS = ("svg", "pdf", "csv")  # of the files that a report shows a figure by
_AGAIN = "`iqabench explain` with the same model and dataset writes it anew"


class Explained(BaseModel):
    """One of the two models, and which of that name it is: as in `bench.explain.Origin`."""

    model_config = ConfigDict(extra="forbid")

    model: str
    variant: str
    parameters: dict[str, Any]
    weights: str
    regime: str
    seed: int


class RecordedFigure(BaseModel):
    """A figure.

    Attributes:
        number: As in the paper.
        words: What it shows, in sentences.
        files: Digest of each of its files by their kind.
    """

    model_config = ConfigDict(extra="forbid")

    number: Literal["1", "4", "5"]
    words: str
    files: dict[Literal["svg", "pdf", "csv"], str] = Field(min_length=len(_KINDS))


class Record(BaseModel):
    """An explanation as it is kept; `epsilon` is in units of 1/255.

    Attributes:
        format: Of the record.
        dataset: Registered name.
        stand_in: Whether it stands in for a database.
        image: Path, as in the dataset's table.
        chosen: Why this image, as a phrase.
        label: Its quality in [0, 1].
        epsilon: Radius of the attack.
        models: The model that is explained and the one beside it.
        figures: In the order of their numbers.
        remarks: What a reader has to know about the figures, in sentences.
        command: What computed it.
        versions: Of what computed it.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal[1]
    dataset: str
    stand_in: bool
    image: str
    chosen: str
    label: float
    epsilon: float
    models: tuple[Explained, Explained]
    figures: list[RecordedFigure] = Field(min_length=1)
    remarks: list[str]
    command: str
    versions: dict[str, str]


@dataclass(frozen=True)
class ShownFigure:
    """A figure of an explanation, as a report shows it.

    Attributes:
        number: As in the paper.
        words: What it shows, in sentences.
        svg: An SVG element, safe to be part of a page; its identifiers are its own.
        pdf: A PDF file.
        table: The numbers behind it.
    """

    number: str
    words: str
    svg: str
    pdf: bytes
    table: pd.DataFrame


@dataclass(frozen=True)
class ShownExplanation:
    """Figures 1, 4 and 5 for one image and two models, as a report shows them.

    Attributes:
        slug: For file names and links; unique in a report.
        title: What is explained, in a phrase.
        dataset: Registered name.
        model: Registered name of the model that is explained.
        figures: In the order of their numbers.
        remarks: What a reader has to know about the figures, in sentences.
        facts: Where they come from, as (what, value).
    """

    slug: str
    title: str
    dataset: str
    model: str
    figures: tuple[ShownFigure, ...]
    remarks: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def numbers(self) -> str:
        """The figures' numbers, as a phrase."""
        return listing([figure.number for figure in self.figures])


class Explanations(NamedTuple):
    """The explanations in a store, in the paper's order of datasets and models; and what was passed over."""

    shown: tuple[ShownExplanation, ...]
    notes: tuple[str, ...]


def write_record(
    explanation: "Explanation", words: Mapping[str, str], remarks: Sequence[str], out: Path
) -> Path:
    """Keep what a report needs to show an explanation again, once its files are written.

    Args:
        explanation: What they show.
        words: What each figure shows, by its number.
        remarks: What a reader has to know about them.
        out: The folder of the files.
    """
    record = {
        "format": FORMAT,
        "dataset": explanation.dataset,
        "stand_in": explanation.stand_in,
        "image": explanation.image.path,
        "chosen": explanation.image.chosen,
        "label": explanation.image.quality,
        "epsilon": explanation.epsilon,
        "models": [{"model": view.model, **asdict(view.origin)} for view in explanation.views],
        "figures": [
            {
                "number": name,
                "words": sentences,
                "files": {kind: _digest((out / f"figure{name}.{kind}").read_bytes()) for kind in _KINDS},
            }
            for name, sentences in words.items()
        ],
        "remarks": list(remarks),
        "command": explanation.command,
        "versions": dict(explanation.versions),
    }
    write_text(out / RECORD, json.dumps(Record.model_validate(record).model_dump(), indent=1) + "\n")
    return out / RECORD


def explanations(root: Path, results: pd.DataFrame) -> Explanations:
    """Find the explanations in a store.

    Args:
        root: The store's folder. What was written elsewhere, with `--out`, is not found.
        results: The store's results table, to see whether its models are those that were explained.

    Returns:
        Those that are complete; a note says what is wrong with another.
    """
    found, notes = [], []
    for folder in _folders(root / FOLDER):
        where = folder.relative_to(root).as_posix()
        try:
            found.append((where, *_read(folder)))
        except (OSError, ValueError) as error:
            notes.append(f"Figures 1, 4 and 5 in {where} are not shown: {error}; {_AGAIN}.")
    datasets = ordered("dataset", (record.dataset for _, record, _ in found))
    models = ordered("model", (record.models[0].model for _, record, _ in found))
    found.sort(key=lambda one: (datasets.index(one[1].dataset), models.index(one[1].models[0].model), one[0]))
    shown = []
    for index, (where, record, files) in enumerate(found, start=1):
        try:
            shown.append(_shown(record, files, f"explanation{index}", results))
        except ValueError as error:
            notes.append(f"Figures 1, 4 and 5 in {where} are not shown: {error}; {_AGAIN}.")
    return Explanations(tuple(shown), tuple(notes))


_Files = dict[tuple[str, str], bytes]  # by number of the figure and kind


def _folders(root: Path) -> list[Path]:
    return sorted({path.parent for name in (RECORD, "figure*.svg") for path in root.rglob(name)})


def _read(folder: Path) -> tuple[Record, _Files]:
    """A record and the files it speaks of.

    Raises:
        ValueError: what is there is not what was written.
        OSError: a file cannot be read.
    """
    path = folder / RECORD
    if not path.is_file():
        raise ValueError(f"{RECORD} is missing: an earlier version wrote them, or the run was stopped")
    record = _parsed(path.read_bytes())
    files: _Files = {}
    for figure in record.figures:
        for kind, digest in figure.files.items():
            file = folder / f"figure{figure.number}.{kind}"
            files[figure.number, kind] = file.read_bytes() if file.is_file() else b""
            if _digest(files[figure.number, kind]) != digest:
                raise ValueError(f"{file.name} is not the one that {RECORD} was written with")
    return record, files


def _parsed(content: bytes) -> Record:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ValueError(f"{RECORD} is damaged: {error}") from error
    written = value.get("format") if isinstance(value, dict) else None
    if isinstance(written, int) and written > FORMAT:
        raise ValueError(f"{RECORD} was written in format {written} by a newer iqabench")
    try:
        return Record.model_validate(value)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise ValueError(f"{RECORD} is damaged: key {key!r}: {accepted(problem)}") from error


def _shown(record: Record, files: _Files, slug: str, results: pd.DataFrame) -> ShownExplanation:
    names = [model_name(explained.model) for explained in record.models]
    mark = " (stand-in)" if record.stand_in else ""
    figures = tuple(
        ShownFigure(
            number=figure.number,
            words=figure.words,
            svg=shapes(files[figure.number, "svg"].decode(), f"{slug}-{figure.number}", figure.words),
            pdf=files[figure.number, "pdf"],
            table=_table(files[figure.number, "csv"]),
        )
        for figure in record.figures
    )
    return ShownExplanation(
        slug=slug,
        title=f"{names[0]} beside {names[1]} on {dataset_name(record.dataset)}{mark}",
        dataset=record.dataset,
        model=record.models[0].model,
        figures=figures,
        remarks=(*record.remarks, *_outdated(record, results)),
        facts=tuple(_facts(record)),
    )


def _table(content: bytes) -> pd.DataFrame:
    texts = dict.fromkeys(("dataset", "image", "model", "which"), str)
    return pd.read_csv(io.BytesIO(content), dtype=texts, keep_default_na=False, na_values=[""])


def _outdated(record: Record, results: pd.DataFrame) -> Iterator[str]:
    """What is not of the weights that the store has scores of, in a sentence."""
    other = [
        model_name(explained.model)
        for explained in record.models
        if _newest_weights(explained, record.dataset, results) not in (None, explained.weights)
    ]
    if other:
        yield (
            f"The store's newest scores of {listing(other)} are of other weights than these figures; "
            f"`{record.command}` would draw them anew."
        )


def _newest_weights(explained: Explained, dataset: str, results: pd.DataFrame) -> str | None:
    """Digest of the weights behind the newest cell of a model; None where the store has none."""
    identity = {"dataset": dataset} | explained.model_dump(include={"model", "variant", "regime", "seed"})
    mine = results[(results[list(identity)] == pd.Series(identity)).all(axis=1)]
    if mine.empty:
        return None
    return str(mine.sort_values("created", kind="stable", na_position="first")["weights"].iloc[-1])


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    yield "Image", f"{record.image} (label {number(record.label, 3)}; {record.chosen})"
    yield "Attack", f"FGSM at {record.epsilon:g}/255"
    for explained in record.models:
        variant = f"{explained.variant}; " if explained.variant else ""
        yield (
            model_name(explained.model),
            f"{variant}weights {explained.weights}; {explained.regime} training, seed {explained.seed}; "
            f"parameters {json.dumps(explained.parameters, sort_keys=True)}",
        )
    yield "Command", record.command
    yield "Versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:20]
