"""Verifies an entry: its TOML file, and each measured number against its per-image scores.

`iqabench entry verify` lists everything that is wrong; a board takes only entries without any fault.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....bench.core.text import listing, plural
from ....bench.store.condition import is_control
from ....bench.store.metric_cache import MetricCache
from ...catalogue import metric_name, ordered
from ...checks.check import FAILS, HOLDS
from ...paper.points import WORST
from ..board import Move, Number
from ..red_flags import of_audits, red_flags
from .entry import Entry, Measured, Reported, in_words, read_entry
from .scores import (
    METRICS,
    STAND_INS,
    Row,
    ScoreFile,
    condition_of,
    measured_numbers,
    measures,
    read_score_file,
    same,
)

ROUNDING = 5e-4  # tolerance of a measured number, which may have been rounded to three decimals
INTERVAL_ROUNDING = 0.01  # tolerance of the bounds of an interval, which other resamples move a little

_TEST_IMAGES = ("dataset_digest", "split_digest", "limit")
_OF_A_SWEEP = {"weights": "weights", "model_params": "parameters of the model"}
_OF_THE_IMAGES = {
    "dataset_digest": "version of the dataset",
    "split_digest": "split",
    "image_size": "image size",
    "pixels": "pixels",
    "limit": "limit",
    "n": "number of images",
}


@dataclass(frozen=True)
class Examination:
    """The result of examining an entry."""

    path: Path  # its TOML file
    entry: Entry | None  # what it says; None if its file alone is wrong already
    files: tuple[ScoreFile, ...]  # the files of scores that could be read
    problems: tuple[str, ...]  # all that is wrong, in sentences without the file's name

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Its numbers: reported ones as they are, measured ones from its scores, in full precision."""
        reported = reported_numbers(self.entry) if self.entry else ()
        return (*reported, *measured_numbers(file.cell for file in self.files))


def verify(paths: Sequence[Path]) -> tuple[str, int]:
    """Return what `iqabench entry verify` prints of some files, and its exit status: 0 or 1.

    A file without faults has one line, and one more for each red flag.
    """
    examined = [examine(path) for path in paths]
    lines = [line for found in examined for line in _lines(found)]
    return "\n".join(lines), FAILS if any(found.problems for found in examined) else HOLDS


def examine(path: Path, kept: MetricCache | None = None) -> Examination:
    """Read an entry and the files of scores that it names, and check all of it; nothing is raised.

    `kept` are the metrics of files of scores that were read before.
    """
    reading = read_entry(path)
    problems = list(reading.problems)
    files = []
    for number, row in reading.measured.items():
        of_row = []
        for name in row.scores:
            try:
                of_row.append(read_score_file(path.parent, number, name, kept))
            except ValueError as error:
                problems.append(f"[[measured]] row {number}: {name!r}: {error}")
        problems += _of_row(number, row, of_row)
        files += of_row
    problems += [*_used_twice(files), *_several_models(files, reading.model), *_several_sweeps(files)]
    problems += [*_other_images(files), *_other_labels(files)]
    return Examination(path, reading.entry, tuple(files), tuple(problems))


def contradicting_label(one: Mapping[str, float], other: Mapping[str, float]) -> str | None:
    """Return the first image that two sets of labels rate differently."""
    return next((image for image, quality in one.items() if other.get(image, quality) != quality), None)


def _lines(found: Examination) -> Iterator[str]:
    if found.problems or not found.entry:
        yield from (f"{found.path}: {problem}" for problem in found.problems)
        count = len(found.problems)
        yield f"{found.path}: {plural(count, 'thing')} {'is' if count == 1 else 'are'} wrong with this entry"
        return
    yield f"{found.path}: {found.entry.name}: {_summary(found.numbers)}; nothing is wrong"
    for _, sentence in (*red_flags(found.numbers), *of_audits([file.cell for file in found.files])):
        yield f"  red flag: {sentence}"


def _summary(numbers: Sequence[Number]) -> str:
    parts = []
    for kind in ("reported", "measured"):
        datasets = [number.dataset for number in numbers if number.kind == kind]
        if datasets:
            names = listing(ordered("dataset", datasets))
            parts.append(f"{plural(len(datasets), f'{kind} number')} on {names}")
    return listing(parts)


def reported_numbers(entry: Entry) -> tuple[Number, ...]:
    """Return the numbers that an entry reports."""
    return tuple(
        Number(
            **_reported(row, "plcc", "mse"),
            srocc=row.srocc if row.worst_srocc is None else row.worst_srocc,
            stand_in=row.dataset in STAND_INS,
            worst_case=row.worst_srocc is not None,
            control=is_control(row.attack),
        )
        for row in entry.reported
        if row.srocc is not None
    )


def reported_moves(entry: Entry) -> tuple[Move, ...]:
    """Return what an entry reports on images without labels."""
    return tuple(Move(**_reported(row, "rise", "r")) for row in entry.reported if row.srocc is None)


def _reported(row: Reported, *metrics: str) -> dict[str, Any]:
    """Return what a row says, but for metrics that it does not state."""
    told = {"dataset", "attack", "epsilon", "source", *metrics}
    return {"kind": "reported", **row.model_dump(include=told, exclude_none=True)}


def _of_row(number: int, row: Measured, files: Sequence[ScoreFile]) -> Iterator[str]:
    """Yield what is wrong with a row, given those of its files that could be read."""
    for file in files:
        if condition_of(file.cell) != row.condition:
            held, claimed = in_words(condition_of(file.cell)), in_words(row.condition)
            yield f"{file.where} is of {held}, and the row says {claimed}"
    cells = [file.cell for file in files]
    where = f"[[measured]] row {number}"
    if len({cell["seed"] for cell in cells}) < len(cells):
        yield f"{where}: two of its files are of one seed; a row has one file for each seed"
    if len({cell["attack_params"] for cell in cells}) > 1:
        yield f"{where}: its files are of {row.attack} with different parameters"
    if len(files) == len(row.scores):
        yield from _of_numbers(where, row, files)


def _of_numbers(where: str, row: Measured, files: Sequence[ScoreFile]) -> Iterator[str]:
    found = measures([file.cell for file in files])
    if WORST not in found and (row.worst_srocc is not None or row.worst_interval is not None):
        yield f"{where}: a worst case is stated, and its scores have no attainable intervals"
    for metric in (*METRICS, WORST):
        stated = getattr(row, metric)
        if metric in found and stated is not None and not same(stated, found[metric].value, ROUNDING):
            mean = f"the mean over {len(files)} files of scores is" if len(files) > 1 else "its scores give"
            held = found[metric].value
            yield f"{where}: {metric_name(metric)} is stated as {stated:g}, and {mean} {held:z.4f}"
    for metric, bounds in (("srocc", row.interval), (WORST, row.worst_interval)):
        if bounds is None or metric not in found:
            continue
        held_bounds = found[metric].low, found[metric].high
        if not all(same(*pair, INTERVAL_ROUNDING) for pair in zip(bounds, held_bounds, strict=True)):
            stated_text, held_text = (f"[{low:z.4f}, {high:z.4f}]" for low, high in (bounds, held_bounds))
            yield f"{where}: the interval is stated as {stated_text}, and its scores give {held_text}"


def _used_twice(files: Iterable[ScoreFile]) -> Iterator[str]:
    for file, before in _with_first(files, "key"):
        yield f"{file.where} is the same cell as {before.name!r} of row {before.row}"


def _several_models(files: Sequence[ScoreFile], named: str | None) -> Iterator[str]:
    """Yield what is not of the model, variant and regime of the entry, which has one of each."""
    for file in files:
        if named and file.cell["model"] != named:
            yield f"{file.where} is of the model {file.cell['model']!r}, and the entry says model = {named!r}"
    for file, before in _with_first(file for file in files if named in (None, file.cell["model"])):
        held, first = _trained(file.cell), _trained(before.cell)
        if held != first:
            of_first = f"that of row {before.row} of {first}"
            yield f"{file.where} is of {held}, and {of_first}; an entry is of one model"


def _several_sweeps(files: Iterable[ScoreFile]) -> Iterator[str]:
    """Yield what is of other weights than the first file of its dataset and seed.

    Of scores that were measured elsewhere the weights are not known.
    """
    known = (file for file in files if not file.cell["measured_by"])
    for file, before in _with_first(known, "dataset", "seed"):
        cell = file.cell
        for field, spoken in _OF_A_SWEEP.items():
            if cell[field] != before.cell[field]:
                yield (
                    f"{file.where} was made with other {spoken} than {before.name!r} of row {before.row}: "
                    f"numbers on {cell['dataset']} with seed {cell['seed']} must be of one model"
                )


def _other_images(files: Iterable[ScoreFile]) -> Iterator[str]:
    """Yield what is of other images than the first file of its dataset."""
    for file, before in _with_first(files, "dataset"):
        cell, first = file.cell, before.cell
        differing = [
            f"{spoken} {_or_none(cell[field])}, not {_or_none(first[field])}"
            for field, spoken in _OF_THE_IMAGES.items()
            if cell[field] != first[field]
        ]
        if differing:
            yield (
                f"{file.where} is of other images of {cell['dataset']} than {before.name!r} of row "
                f"{before.row}: {', '.join(differing)}"
            )


def _or_none(value: object) -> object:
    return "none" if value is None else value


def _other_labels(files: Iterable[ScoreFile]) -> Iterator[str]:
    """Yield what labels the images of a version of a dataset and its split otherwise than the first file."""
    for file, before in _with_first(files, *_TEST_IMAGES):
        if file.scored_on != before.scored_on:
            yield (
                f"{file.where} and {before.name!r} of row {before.row} claim the same test images of "
                f"{file.cell['dataset']}, and {_difference(file.labels, before.labels)}"
            )


def _with_first(files: Iterable[ScoreFile], *fields: str) -> Iterator[tuple[ScoreFile, ScoreFile]]:
    """Yield each file with the first one whose cell agrees with it in some fields, if that is another."""
    first: dict[Hashable, ScoreFile] = {}
    for file in files:
        before = first.setdefault(tuple(file.cell[name] for name in fields), file)
        if before is not file:
            yield file, before


def _trained(cell: Row) -> str:
    """Return model, variant and regime as a phrase: `cprl (b=0.4) with clean training`."""
    variant = f" ({cell['variant']})" if cell["variant"] else ""
    return f"{cell['model']}{variant} with {cell['regime']} training"


def _difference(labels: Mapping[str, float], others: Mapping[str, float]) -> str:
    image = contradicting_label(labels, others)
    if image is not None:
        return f"label image {image!r} {labels[image]:g} and {others[image]:g}"
    return f"only one of them holds image {min(labels.keys() ^ others.keys())!r}"
