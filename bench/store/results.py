"""The results of a store: one row per cell, its metrics computed from the raw scores."""

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from ..core.errors import UserError
from ..core.files import folder_of_results
from ..core.text import number, plural
from ..statistics.intervals import INTERVAL_METRICS
from ..statistics.logistic import Form
from ..statistics.metrics import METRICS, RESAMPLES, Evaluation
from ..statistics.visibility import KINDS
from .cell import OFTEN_ABSENT
from .cell_file import Scores, StoredCell, read_scores
from .condition import is_control
from .fitted import after_logistic
from .metric_cache import cell_metrics, columns_of
from .newest import newest
from .store import Store

IDENTITY = ("dataset", "model", "regime", "seed", "attack", "epsilon")
"""The columns that name a row for people; rows that agree in them differ in another, such as `weights`."""

COLUMNS = (
    *IDENTITY,
    "n",
    *METRICS,
    *(f"{name}_{bound}" for name in METRICS for bound in ("low", "high")),
    *(f"{name}{bound}" for name in INTERVAL_METRICS for bound in ("", "_low", "_high")),
    *("logistic", "status", "variant", "limit", "image_size", "pixels", "defence", "knowledge"),
    *("trained_on", "precision", "split_seed", "weights"),
    *("model_params", "defence_params", "attack_params", "batch_size"),
    *("model_version", "model_source", "attack_version", "attack_source", "source_weights"),
    *("dataset_version", "dataset_digest", "pixels_digest", "split_digest"),
    *("stand_in", "control", "measured_by", "profile", "device", "created", "versions"),
    *("checkpoint", "command", "seconds"),
    *("realised", "eight_bit_kept", "queries", "psnr", "ssim", "audit", "red_flags", "key", "file"),
)
"""The columns of `Results.frame`, in order."""

WEAKER_SROCC, WEAKER_WIDTH = 0.05, 0.9
"""An adaptive attack is flagged where its worst-case SROCC is above the static attack's by more than this, or
where its median width is less than this part of the static attack's."""

_ATTACKED_ALIKE = (
    "dataset", "model", "variant", "regime", "seed", "attack", "epsilon", "weights", "model_params",
    "model_version", "defence_params", "attack_params", "attack_version", "precision", "limit", "image_size",
    "pixels", "pixels_digest", "split_digest",
)  # fmt: skip
_CONTEXT = ("profile", "device", "created", "checkpoint", "command", "seconds")
_TOLD = ("realised", "eight_bit_kept", "queries", *KINDS)  # of a cell's diagnostics; NaN where it tells none
_WHOLE_NUMBERS = ("limit", "image_size", "split_seed", "batch_size")
RESIZE = "resize"  # what the column `pixels` holds where images were resized to `image_size` and cropped
_TEST_IMAGES = ["dataset", "dataset_digest", "split_seed", "split_digest", "limit"]


@dataclass(frozen=True)
class Results:
    """The results in a store.

    Attributes:
        frame: A row per cell with `COLUMNS`, in alphabetical order with clean images first: `attack` is
            `none` and `epsilon` 0 for them. `epsilon` is in units of 1/255. `logistic` says how many
            parameters the logistic before PLCC and RMSE has, empty for none. `status` is `ok`, or why metrics
            are NaN. Those of `INTERVAL_METRICS` are NaN but for interval attacks; their other metrics are
            those under score reflection. `audit` is `sound` or `doubtful`, with the sentences of its
            `red_flags`, and empty for cells that are not audited. `pixels` says how an image became what the
            model was given: `resize`, `native`, `16 patches of 96`; `image_size` is undefined for `native`.
            `defence` names what images pass before the model scores them, and `knowledge` is `adaptive`
            where an attack goes through it; both are empty without a defence. `control` says of an attack
            that it is a control, which does not look at the model. `measured_by` says who
            measured scores that were not measured here. `trained_on` names the
            dataset that the weights were trained on; empty where that is `dataset`, or they were brought.
            `created` says when a cell was computed, or a sweep with another configuration came back to it.
            `precision` is that of the passes in which an attack searched, empty for float32.
        unreadable: (file, reason) of each file that could not be read.
        notes: What is odd about the others, in sentences.
        static: The rows of attacks on a bare model whose images were scored behind a defence, `knowledge`
            `static`. They are not in the frame: behind its defence, a model withstands no more than the
            attack leaves that goes through the defence.
    """

    frame: pd.DataFrame
    unreadable: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    static: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))

    def newest(self, by: Sequence[str]) -> pd.DataFrame:
        """Return one row per attack and epsilon of each group that agrees in the columns `by`."""
        return newest(self.frame, by)

    def only(self, rows: "pd.Series[bool]") -> "Results":
        """Return these results with some of their rows."""
        return replace(self, frame=self.frame[rows])

    @property
    def left_out(self) -> tuple[str, ...]:
        """A sentence for each file that could not be read, then the notes."""
        files = (f"Not readable, so left out: {file}: {reason}." for file, reason in self.unreadable)
        return (*files, *self.notes)


def read_results(store: Store | Path, *, resamples: int = RESAMPLES, logistic: Form | None = None) -> Results:
    """Evaluate every cell of a store. What was evaluated before is taken from the store's cache.

    Args:
        store: A store, or its folder.
        resamples: Bootstrap resamples behind the bounds `*_low` and `*_high`; 0 leaves them undefined.
        logistic: Parameters of a logistic before PLCC and RMSE; None: there is none, as in the paper.

    Raises:
        UserError: the store is not a folder or holds no readable cell, or two of its files claim to be one
            cell and differ in their scores.
    """
    store = store if isinstance(store, Store) else Store(Path(store))
    folder_of_results(store.root)
    cells, notes = _one_file_each(list(store.cells()), store.root)
    metrics, damaged = cell_metrics(cells, store.root, resamples)
    unreadable = [(_relative(path, store.root), reason) for path, reason in [*store.unreadable, *damaged]]
    usable = [cell for cell in cells if cell.path in metrics]
    if not usable:
        raise UserError(_nothing_in(store.root, unreadable))
    fitted, stated = after_logistic(usable, logistic, resamples) if logistic else ({}, [])
    notes = stated + notes
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    texts: dict[str, str] = {}  # so that a text of many rows is held once
    for cell in usable:
        evaluation = metrics[cell.path].evaluation
        if fitted:
            evaluation = replace(evaluation, measures={**evaluation.measures, **fitted.get(cell.path, {})})
        row = row_of(cell, evaluation, _relative(cell.path, store.root)) | {"logistic": logistic or ""}
        for name, values in columns.items():
            value = row[name]
            values.append(texts.setdefault(value, value) if isinstance(value, str) else value)
    frame = frame_of(columns)
    notes += _on_other_labels(frame, [metrics[cell.path].scored_on for cell in usable])
    notes += _of_one_name(frame) + _noted(usable)
    adaptive, static = _by_knowledge(_in_order(frame))
    return Results(adaptive, tuple(unreadable), tuple(notes), static)


def frame_of(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    """Return a frame of rows of cells, whose texts Python holds, not Arrow: that is faster for few rows."""
    text = pd.StringDtype("python", na_value=np.nan)
    typed: dict[str, Any] = {}
    for name, values in columns.items():
        if name in _WHOLE_NUMBERS:
            typed[name] = pd.array(values, dtype="Int64")
        else:
            are_texts = infer_dtype(values, skipna=True) == "string"
            typed[name] = pd.array(values, dtype=text) if are_texts else values
    return pd.DataFrame(typed).set_axis(pd.Index(list(typed), dtype=text), axis="columns")


def row_of(stored: StoredCell, evaluation: Evaluation, file: str) -> dict[str, Any]:
    """Return a cell's row of `Results.frame`, given its metrics and what to call its file."""
    provenance = stored.provenance
    cell, context = dict.fromkeys(OFTEN_ABSENT) | provenance["cell"], provenance["context"]
    diagnostics = provenance.get("diagnostics", {})
    row = {name: cell[name] for name in COLUMNS if name in cell}
    row |= {name: context.get(name) for name in _CONTEXT}
    row |= {name: diagnostics.get(name, math.nan) for name in _TOLD}
    row |= {
        "n": evaluation.n,
        "status": evaluation.status,
        "model_params": json.dumps(cell["model_params"], sort_keys=True),
        "attack_params": json.dumps(cell["attack_params"], sort_keys=True),
        **_audit(diagnostics),
        "stand_in": bool(context.get("stand_in", False)),
        "control": is_control(cell["attack"], context.get("control")),
        "measured_by": context.get("measured_by", ""),
        "versions": ", ".join(
            f"{name} {text or 'unknown'}" for name, text in context.get("versions", {}).items()
        ),
        "pixels": cell["pixels"] or RESIZE,
        "defence": "+".join(step["name"] for step in cell["defence"] or ()),
        "knowledge": cell["knowledge"] or "",
        "trained_on": cell["trained_on"] or "",
        "precision": cell["precision"] or "",
        "defence_params": json.dumps(cell["defence"], sort_keys=True) if cell["defence"] else "",
        "created": context.get("named") or context.get("created"),
        "key": stored.key,
        "file": file,
    }
    return row | columns_of(evaluation)


def _by_knowledge(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows without those of static attacks, and those; flag what is weaker than the static attack.

    An attack that goes through a defence can make the images of the static attack too.
    """
    is_static = frame["knowledge"] == "static"
    static, others = (frame[rows].reset_index(drop=True) for rows in (is_static, ~is_static))
    known = dict(zip(_places(static), static.to_dict("records"), strict=True))
    adaptive = others[others["knowledge"] != ""]
    rows = zip(adaptive.index, _places(adaptive), adaptive.to_dict("records"), strict=True)
    for index, place, row in rows:
        if place in known and (flag := _weaker(row, known[place])):
            others.loc[index, "audit"] = "doubtful"
            others.loc[index, "red_flags"] = " ".join(filter(None, [row["red_flags"], flag]))
    return others, static


def _places(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in frame[list(_ATTACKED_ALIKE)].itertuples(index=False)]


def _weaker(adaptive: Mapping[Any, Any], static: Mapping[Any, Any]) -> str:
    """Return a red flag where the static attack moves the scores further than the adaptive one; else ""."""
    kept, reached = adaptive["worst_srocc"], static["worst_srocc"]
    width, reached_width = adaptive["median_width"], static["median_width"]
    if not (kept > reached + WEAKER_SROCC or width < WEAKER_WIDTH * reached_width):
        return ""
    return (
        f"The attack through the defence {adaptive['defence']} leaves a worst-case SROCC of "
        f"{number(kept, 2)} and intervals of median width {number(width, 3)}; made on the bare model it "
        f"leaves {number(reached, 2)} and {number(reached_width, 3)}: the gradient of the defence misleads "
        "the attack."
    )


def _audit(diagnostics: Mapping[str, Any]) -> dict[str, str]:
    """Return verdict and red flags of a cell; a flag that is not of the known form has no sentence."""
    if not isinstance(flags := diagnostics.get("flags"), list):
        return {"audit": "", "red_flags": ""}
    sentences = [str(flag.get("sentence", "")) for flag in flags if isinstance(flag, dict)]
    return {"audit": "doubtful" if flags else "sound", "red_flags": " ".join(filter(None, sentences))}


def verdict(audits: Iterable[str]) -> str:
    """Return what values of the column `audit` say together: `doubtful` if one is, else `sound` if one is."""
    found = set(audits)
    return next((name for name in ("doubtful", "sound") if name in found), "")


def results_table(store: Store | Path, *, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Return the frame of `read_results`."""
    return read_results(store, resamples=resamples).frame


def _one_file_each(cells: Sequence[StoredCell], root: Path) -> tuple[list[StoredCell], list[str]]:
    """Return the cells, each once, and a note on the files that hold a cell once more.

    Raises:
        UserError: two files of one cell differ.
    """
    by_key: dict[str, list[StoredCell]] = defaultdict(list)
    for cell in cells:
        by_key[cell.key].append(cell)
    copies = {copy: original for files in by_key.values() for copy, original in _copies(files, root)}
    if not copies:
        return list(cells), []
    copy, original = (_relative(path, root) for path in next(iter(copies.items())))
    note = (
        f"{plural(len(copies), 'file')} {'holds' if len(copies) == 1 else 'hold'} a cell that another file "
        f"holds too, with the same scores: {copy} is a copy of {original}. A cell counts once."
    )
    return [cell for cell in cells if cell.path not in copies], [note]


def _copies(files: Sequence[StoredCell], root: Path) -> list[tuple[Path, Path]]:
    """Return (copy, original) for each of a cell's usable files but the first; a UserError if two differ."""
    if len({file.content for file in files}) == 1:
        return [(file.path, files[0].path) for file in files[1:]]
    readable = [(file.path, scores) for file in files if (scores := _scores(file)) is not None]
    for path, scores in readable[1:]:
        original, expected = readable[0]
        if not scores.equal(expected):
            raise UserError(
                f"{_relative(original, root)} and {_relative(path, root)} are both the cell "
                f"{files[0].key} and hold different scores: remove the wrong one, or both, and "
                "`iqabench run` computes it again"
            )
    return [(path, readable[0][0]) for path, _ in readable[1:]]


def _scores(cell: StoredCell) -> Scores | None:
    try:
        return read_scores(cell)
    except ValueError:
        return None


def _on_other_labels(frame: pd.DataFrame, scored_on: Sequence[str]) -> list[str]:
    """Return a note on each set of test images that two cells name and hold differently."""
    by_labels = frame.assign(scored_on=scored_on).drop_duplicates([*_TEST_IMAGES, "scored_on"])
    return [
        f"{plural(len(group), 'file')} on {dataset} claim the same test images and hold different images or "
        f"labels, such as {group['file'].iloc[0]} and {group['file'].iloc[1]}: remove the wrong one, and "
        "`iqabench run` computes it again."
        for (dataset, *_), group in by_labels.groupby(_TEST_IMAGES, sort=False, dropna=False)
        if len(group) > 1
    ]


def _noted(cells: Sequence[StoredCell]) -> list[str]:
    """Return what the sweep noted on the scale of clean scores, and on an attack that went the wrong way."""
    notes: dict[str, None] = {}
    for provenance in (stored.provenance for stored in cells if b'"notes"' in stored.told):
        cell, found = provenance["cell"], provenance.get("diagnostics", {}).get("notes")
        for sentence in map(str, found if isinstance(found, list) else ()):
            if cell["attack"] == "none" or sentence.startswith(f"{cell['attack']} "):
                notes[f"{cell['dataset']} / {cell['model']}: {sentence}."] = None
    return list(notes)


def _of_one_name(frame: pd.DataFrame) -> list[str]:
    """Return a note on each name of several sets of images and labels that were measured here."""
    here = frame[frame["measured_by"] == ""]
    return [
        f"The cells of {dataset} are of {count} different sets of images and labels, as of label files of "
        "one name or of a file that was changed; reports show the newest. A table `[datasets.NAME]` gives a "
        "file a name of its own."
        for dataset, digests in here.groupby("dataset", sort=False)["dataset_digest"]
        if (count := digests.nunique()) > 1
    ]


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    keys = frame[[*IDENTITY, "created", "key"]].fillna({"created": ""}).replace({"attack": {"none": ""}})
    return frame.loc[keys.sort_values([*keys.columns], kind="stable").index].reset_index(drop=True)


def _relative(path: Path, root: Path) -> str:
    """Return a path as text that can be written as UTF-8."""
    text = str(path).removeprefix(f"{root}{os.sep}").replace(os.sep, "/")
    return os.fsencode(text).decode("utf-8", "replace")


def _nothing_in(root: Path, unreadable: Sequence[tuple[str, str]]) -> str:
    advice = "`iqabench run` computes some; `--results DIR` names another folder"
    if not unreadable:
        return f"{root}: no results in this folder; {advice}"
    file, reason = unreadable[0]
    others = f", and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
    return f"{root}: no result in this folder can be read: {file}: {reason}{others}; {advice}"
