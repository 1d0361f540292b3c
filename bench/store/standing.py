"""The table that a sweep ends with: what is left of each model's ranking under attack."""

import math
import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from ..core.text import aligned, listing, number
from ..statistics.metrics import NO_LABELS
from .results import Results, verdict

_OF_AN_AUDIT = ("--config", "--profile", "--plugin", "--regime", "--seed", "--device", "--from-scratch")
SEARCHING = ("auto",)  # the attack whose worst case is to be believed


def standing(results: Results, keys: Collection[str]) -> list[str]:
    """Return a row for each model: clean SROCC, and the lowest SROCC under attack within each epsilon.

    Controls are no attacks. Of attacks with intervals it is the worst-case SROCC, of others the SROCC of the
    images. Of images without labels it is the largest median width of the intervals of scores.
    """
    frame = results.frame[results.frame["key"].isin(list(keys)) & ~results.frame["control"]]
    by = ["dataset", "model", "variant", "regime", "seed"]
    shown = [name for name in by if name in ("dataset", "model") or frame[name].nunique() > 1]
    epsilons = sorted({float(epsilon) for epsilon in frame["epsilon"] if epsilon > 0})
    unlabelled = frame["status"] == NO_LABELS
    rows = []
    for names, cells in frame.groupby(by, sort=False, dropna=False):
        row = {name: str(value) for name, value in zip(by, names, strict=True) if name in shown}
        if not unlabelled.all():
            row["clean SROCC"] = number(_lowest(cells[cells["attack"] == "none"]), 3)
        attacked = cells[cells["attack"] != "none"]
        for epsilon in epsilons:
            within = attacked[attacked["epsilon"] == epsilon]
            if not unlabelled.all():
                row[f"worst at {epsilon:g}/255"] = number(_lowest(within), 3)
            if unlabelled.any():
                widest = float(within["median_width"].max()) if len(within) else math.nan
                row[f"median width at {epsilon:g}/255"] = number(widest, 3)
        row["verdict"] = verdict(attacked["audit"]) or "not audited"
        rows.append(row)
    return aligned({name: [row[name] for row in rows] for name in rows[0]}) if rows else []


def _lowest(cells: pd.DataFrame) -> float:
    values = cells["worst_srocc"].fillna(cells["srocc"])
    return float(values.min()) if len(values) else math.nan


def next_steps(
    results: Results, keys: Collection[str], store: str, command: str, datasets: Sequence[str]
) -> Iterator[str]:
    """Yield what to do next, each with the command for it.

    `command` is the sweep's, and `datasets` are those that it was given: names, or paths.
    """
    frame = results.frame[results.frame["key"].isin(list(keys))]
    attacked = frame[frame["attack"] != "none"]
    where = "" if store == "results" else f" --results {shlex.quote(store)}"
    if len(attacked) and not attacked["attack"].str.startswith(SEARCHING).any():
        yield (
            "These attacks can overstate robustness; the worst case is found by: "
            f"{_with_option(command, '--attacks', 'auto')}"
        )
    paths = {
        Path(given).stem if given.lower().endswith(".csv") else _folder(given): given for given in datasets
    }
    columns = ["dataset", "model", "trained_on"]
    doubtful = attacked.loc[attacked["audit"] == "doubtful", columns].drop_duplicates()
    for dataset, model, trained_on in doubtful.itertuples(index=False):
        words = ["iqabench", "audit", model, "--dataset", paths.get(dataset, dataset)]
        words += ["--train-on", paths.get(trained_on, trained_on)] if trained_on else []
        words += _shared_with_audit(command)
        yield f"Why a number is doubtful: {shlex.join(words)}{where}"
    limited = frame.loc[frame["limit"].notna(), ["dataset", "n"]].drop_duplicates("dataset")
    if len(limited) and not any(word.partition("=")[0] == "--limit" for word in shlex.split(command)):
        parts = listing([f"{n} test images of {dataset}" for dataset, n in limited.itertuples(index=False)])
        everything = _with_option(command, "--limit", "all")
        yield f"`limit` of the configuration left {parts} to be scored. All of them: {everything}"
    yield f"All tables and figures: iqabench report{where}"


def _folder(given: str) -> str:
    return Path(given).expanduser().resolve().name if Path(given).expanduser().is_dir() else given


def _shared_with_audit(command: str) -> list[str]:
    """Return the options of a sweep's command that an audit of one of its models needs, too."""
    words = shlex.split(command)
    found = []
    for place, word in enumerate(words):
        option, equals, _ = word.partition("=")
        if option in _OF_AN_AUDIT:
            found += [word] if equals or option == "--from-scratch" else words[place : place + 2]
    return found


def _with_option(command: str, option: str, value: str) -> str:
    words = shlex.split(command)
    if option in words:
        words[words.index(option) + 1] = value
    else:
        words += [option, value]
    return shlex.join(words)
