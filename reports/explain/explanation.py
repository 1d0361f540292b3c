"""Find the explanations in a store and draw their Figures 1, 4 and 5, in a report or as files."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from ...bench.core.errors import UserError
from ...bench.core.files import write_text
from ...bench.core.text import listing, number
from ...bench.store.explanation import FOLDER, ExplainedModel, Explanation, read_explanation
from ...bench.store.results import Results
from ..catalogue import marked_dataset, model_name, ordered
from ..figures.drawing import as_element, drawn_svg, figure_style, write_drawing
from .figures import draw_figure1, draw_figure4, draw_figure5
from .tables import NUMBERS, activations_table, change_table, landscape_table, pixels_table, scores_table
from .words import figures_in_words, has_stages, remarks

_FORMATS = ("svg", "png", "pdf")
_DRAW: dict[str, Callable[[Explanation], Figure]] = {"1": draw_figure1, "4": draw_figure4, "5": draw_figure5}
_TABLE = {"1": scores_table, "4": landscape_table, "5": activations_table}


@dataclass(frozen=True)
class ShownFigure:
    """A figure of an explanation."""

    number: str  # as in the paper
    words: str  # what it shows, in sentences
    explanation: Explanation  # the numbers that it draws

    def write(self, path: Path) -> Path:
        """Write it as an SVG, PNG or PDF file, by the path's suffix; equal numbers give equal bytes."""
        with figure_style(f"figure{self.number}"):
            return write_drawing(_DRAW[self.number](self.explanation), path)

    def element(self, prefix: str) -> str:
        """Draw it as an SVG element of a page, with a prefix to its identifiers."""
        with figure_style(f"figure{self.number}"):
            return as_element(drawn_svg(_DRAW[self.number](self.explanation)), prefix, label=self.words)

    @property
    def table(self) -> pd.DataFrame:
        """The numbers behind it."""
        return _TABLE[self.number](self.explanation)


@dataclass(frozen=True)
class ShownExplanation:
    """Figures 1, 4 and 5 for one image and two models, as a report shows them."""

    slug: str  # for file names and links; unique in a report
    title: str  # what is explained, in a phrase
    dataset: str
    model: str  # registered name of the model that is explained
    figures: tuple[ShownFigure, ...]  # in the order of their numbers
    remarks: tuple[str, ...]  # what a reader has to know about the figures, in sentences
    facts: tuple[tuple[str, str], ...]  # where the figures come from, as (what, value)

    @property
    def numbers(self) -> str:
        """The figures' numbers, as a phrase."""
        return listing([figure.number for figure in self.figures])


class Explanations(NamedTuple):
    """The explanations in a store, in the paper's order of datasets and models; notes on what is left out."""

    shown: tuple[ShownExplanation, ...]
    notes: tuple[str, ...]


def explanations(root: Path, results: Results) -> Explanations:
    """Return the explanations in a store that can be read; a note says what is wrong with another."""
    found, notes = [], []
    for folder in sorted({path.parent for path in (root / FOLDER).rglob("explanation.*")}):
        where = folder.relative_to(root).as_posix()
        try:
            found.append((where, read_explanation(folder)))
        except ValueError as error:
            notes.append(
                f"Figures 1, 4 and 5 in {where} are not shown: {error}; run `iqabench explain` again, with "
                "the same model and dataset."
            )
    datasets = ordered("dataset", (explanation.dataset for _, explanation in found))
    models = ordered("model", (explanation.models[0].name for _, explanation in found))
    found.sort(key=lambda one: (datasets.index(one[1].dataset), models.index(one[1].models[0].name), one[0]))
    shown = (
        _shown(explanation, f"explanation{index}", results.frame)
        for index, (_, explanation) in enumerate(found, start=1)
    )
    return Explanations(tuple(shown), tuple(notes))


def write_figures(explanation: Explanation, out: Path) -> list[Path]:
    """Write the figures of an explanation and the numbers behind them; equal ones give equal bytes.

    - `figure1`: the image, the perturbation and the adversarial image. `figure1.csv` has the scores,
      `figure1-pixels.csv` the pixels and their changes in units of 1/255.
    - `figure4`: the landscapes; `figure4.csv` has a row per model and point.
    - `figure5`: channel activations, where a model has residual stages. `figure5.csv` has a row per model,
      stage and channel, `figure5-change.csv` how far the marked channels and the others move.

    Returns:
        The files written, the figures first.

    Raises:
        UserError: the folder cannot be written.
    """
    figures = _figures(explanation)
    tables = {f"figure{figure.number}": figure.table for figure in figures}
    tables["figure1-pixels"] = pixels_table(explanation)
    if has_stages(explanation):
        tables["figure5-change"] = change_table(explanation)
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for leftover in out.glob("figure5*.*"):  # of a model that had stages
            leftover.unlink()
        for figure in figures:
            written += [figure.write(out / f"figure{figure.number}.{form}") for form in _FORMATS]
        for name, table in tables.items():
            text = table.to_csv(index=False, float_format=NUMBERS, lineterminator="\n")
            write_text(out / f"{name}.csv", text)
            written.append(out / f"{name}.csv")
    except OSError as error:
        raise UserError(f"--out {out}: the figures cannot be written: {error}") from error
    return written


def _figures(explanation: Explanation) -> tuple[ShownFigure, ...]:
    words = figures_in_words(explanation)
    return tuple(ShownFigure(name, sentences, explanation) for name, sentences in words.items())


def _shown(explanation: Explanation, slug: str, results: pd.DataFrame) -> ShownExplanation:
    first, second = (model_name(model.name) for model in explanation.models)
    return ShownExplanation(
        slug=slug,
        title=f"{first} and {second} on {marked_dataset(explanation.dataset, explanation.stand_in)}",
        dataset=explanation.dataset,
        model=explanation.models[0].name,
        figures=_figures(explanation),
        remarks=(*remarks(explanation), *_outdated(explanation, results)),
        facts=tuple(_facts(explanation)),
    )


def _outdated(explanation: Explanation, results: pd.DataFrame) -> Iterator[str]:
    """Say which models have other weights or parameters in the store's newest scores."""
    other = [model for model in explanation.models if _is_other(model, explanation.dataset, results)]
    if other:
        names = listing([model_name(model.name) for model in other])
        yield (
            f"The store's newest scores of {names} are of other weights or parameters than these figures; "
            f"`{explanation.command}` would draw them anew."
        )


def _is_other(model: ExplainedModel, dataset: str, results: pd.DataFrame) -> bool:
    """Return whether there is a newest cell of a model, and it has other weights or parameters."""
    identity: dict[str, object] = {"dataset": dataset, "model": model.name, "variant": model.variant}
    identity |= {"regime": model.regime, "seed": model.seed}
    mine = results[(results[list(identity)] == pd.Series(identity)).all(axis=1)]
    if mine.empty:
        return False
    newest = mine.sort_values("created", kind="stable", na_position="first").iloc[-1]
    parameters = json.loads(newest["model_params"])
    of_references = {name: parameters[name] for name in ("references", "references_of") if name in parameters}
    return (newest["weights"], parameters) != (model.weights, model.parameters | of_references)


def _facts(explanation: Explanation) -> Iterator[tuple[str, str]]:
    image = explanation.image
    yield "Image", f"{image.path} (label {number(image.quality, 3)}; {image.chosen})"
    yield "Attack", f"FGSM at {explanation.epsilon:g}/255"
    for model in explanation.models:
        variant = f"{model.variant}; " if model.variant else ""
        yield (
            model_name(model.name),
            f"{variant}weights {model.weights}; {model.regime} training, seed {model.seed}; "
            f"parameters {json.dumps(model.parameters, sort_keys=True)}",
        )
    yield "Command", explanation.command
    yield "Versions", ", ".join(f"{name} {version}" for name, version in explanation.versions.items())
