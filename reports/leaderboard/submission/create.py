"""Makes an entry from a store: the newest numbers of one model, with the per-image scores behind them."""

import hashlib
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from ....bench.core.errors import UserError, nearest
from ....bench.core.files import bring, replacing, safe_name, write_text
from ....bench.core.text import listing, plural
from ....bench.statistics.metrics import OK
from ....bench.store.newest import newest
from ....bench.store.results import Results, read_results
from ....bench.store.store import Store
from ...catalogue import model_name
from ...paper.points import WORST, grouped
from .entry import understood
from .scores import METRICS, condition_of, measures

DIGITS = 4  # decimals of a number in an entry, as papers print them

_HEADER = (
    "# An entry of the iqabench leaderboard. epsilon is in units of 1/255; the numbers of a measured row\n"
    "# are those of its files of per-image scores: `iqabench entry verify` compares them.\n\n"
)


def create_entry(
    store: Store | Path,
    model: str,
    out: Path,
    *,
    regime: str = "clean",
    variant: str = "",
    name: str | None = None,
    authors: Sequence[str] = (),
    paper: str | None = None,
    url: str | None = None,
    year: int | None = None,
    code: str | None = None,
    weights: str | None = None,
    training: str | None = None,
) -> str:
    """Write the entry of a model, and its files of scores into a folder next to it.

    Of several versions of the model in the store the newest of all test images is taken, as reports show it.

    Args:
        store: A store, or its folder.
        model: Registered name.
        out: The TOML file, `FILE.toml`; scores go to `FILE.scores`. Neither may exist.
        regime: Training regime of the model.
        variant: Variant of the model in a grid; empty for the model of its own table.
        name: Name shown on the leaderboard. Default: the model's, with its variant.
        authors: Authors of the paper, or of the model.
        paper: Title of the paper that presents the model.
        url: Address of that paper.
        year: Year of that paper.
        code: URL of the code.
        weights: URL of the weights, or of a page that offers them.
        training: How the model was trained, as a phrase. Default: the regime.

    Returns:
        What was written and what was left out, in sentences.

    Raises:
        UserError: no usable number of the model in the store, a store that contradicts itself, a fact that
            an entry does not accept, or files that exist or cannot be written.
    """
    store = store if isinstance(store, Store) else Store(Path(store))
    folder = out.with_suffix(".scores")
    _check_paths(out, folder)
    if paper is None and (url or year):
        raise UserError("a URL or year of the paper needs its title, too: --paper TITLE")
    results = read_results(store)
    own = _own(results.frame, model, regime, variant)
    rows = newest(own, ["dataset", "seed"])
    usable = rows[rows["status"] == OK]
    if usable.empty:
        raise UserError(f"{model} has no usable scores in {store.root}: {rows['status'].iloc[0]}")
    head = {
        "name": name or titled(model, variant, regime),
        "model": model,
        "authors": [*authors],
        "code": code,
        "training": training or regime,
        "paper": _stated({"title": paper, "url": url, "year": year}) if paper else None,
        "weights": _weights(usable, store.root, weights),
    }
    measured = [
        _measured(group, folder.name) for _, group in grouped(usable, ["dataset", "attack", "epsilon"])
    ]
    values = _stated({**head, "measured": measured})
    problems = understood(values).problems
    if problems:
        raise UserError(f"no entry was written: {'; '.join(problems)}")
    try:
        for row in usable.to_dict("records"):
            with replacing(folder.parent / _copy(row, folder.name)) as temporary:
                shutil.copyfile(store.root / row["file"], temporary)
        write_text(out, _HEADER + tomli_w.dumps(values))
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror}") from None
    return "\n".join(
        [
            f"{plural(len(measured), 'measured number')} of {model} in {out}, and "
            f"{plural(len(usable), 'file')} of per-image scores in {folder}: submit both.",
            *_left_out(results, own, rows),
        ]
    )


def titled(model: str, variant: str, regime: str) -> str:
    """Return a model's name on the leaderboard: `CPRL (b=0.4, adversarial training)`."""
    further = ", ".join(filter(None, [variant, "" if regime == "clean" else f"{regime} training"]))
    return f"{model_name(model)} ({further})" if further else model_name(model)


def _check_paths(out: Path, folder: Path) -> None:
    if out.suffix != ".toml":
        raise UserError(f"--out {out}: an entry is a TOML file: name it {out.with_suffix('.toml').name}")
    for path in (out, folder):
        if path.exists():
            raise UserError(f"--out {out}: {path} exists; move it away, or write another file")


def _own(results: pd.DataFrame, model: str, regime: str, variant: str) -> pd.DataFrame:
    """Return the rows of one model, variant and regime."""
    of_model = results[results["model"] == model]
    if of_model.empty:
        raise UserError(f"no model {model!r} in the store: {nearest(model, set(results['model']))}")
    own = of_model[(of_model["regime"] == regime) & (of_model["variant"] == variant)]
    if own.empty:
        known = {
            f"--regime {found} {f'--variant {name!r}' if name else ''}".strip()
            for found, name in zip(of_model["regime"], of_model["variant"], strict=True)
        }
        asked = f"with regime {regime!r} and {f'variant {variant!r}' if variant else 'no variant'}"
        raise UserError(f"{model} is not in the store {asked}; it is there with {listing(sorted(known))}")
    return own


def _measured(cells: pd.DataFrame, folder: str) -> dict[str, Any]:
    """Return a measured row: what its cells, a seed each, give together, and their files."""
    rows = cells.to_dict("records")
    dataset, attack, epsilon = condition_of(rows[0])
    found = measures(rows)
    stated = {name: round(found[name].value, DIGITS) for name in (*METRICS, WORST) if name in found}
    bounds = {
        key: [round(found[name].low, DIGITS), round(found[name].high, DIGITS)]
        for name, key in (("srocc", "interval"), (WORST, "worst_interval"))
        if name in found and not math.isnan(found[name].low)
    }
    return {
        "dataset": dataset,
        "attack": attack,
        "epsilon": int(epsilon) if epsilon.is_integer() else epsilon,
        **stated,
        **bounds,
        "scores": [_copy(row, folder) for row in rows],
    }


def _copy(row: Mapping[Any, Any], folder: str) -> str:
    """Return the path of a cell's file, relative to the TOML file."""
    file = safe_name(f"{row['attack']}-{row['epsilon']:g}-{row['key']}.parquet")
    return f"{folder}/{safe_name(row['dataset'])}/{file}"


def _weights(cells: pd.DataFrame, root: Path, url: str | None) -> list[dict[str, Any]] | None:
    """Return a row for each checkpoint; for what is not on disk, only where it is offered."""
    found = []
    for (dataset, seed), group in grouped(cells, ["dataset", "seed"]):
        path = root / str(group["checkpoint"].iloc[0] or "")
        own = path.resolve().is_relative_to((root / "checkpoints").resolve())  # a cell could name any file
        if own:
            bring(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if own and path.is_file() else None
        if url or sha256:
            found.append(_stated({"dataset": dataset, "seed": int(seed), "url": url, "sha256": sha256}))
    return found or None


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _left_out(results: Results, own: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    yield from results.left_out
    older = len(own) - len(rows)
    if older:
        of_what = "of older versions or with other parameters of an attack"
        yield f"{plural(older, 'cell')} {of_what} {'is' if older == 1 else 'are'} left out."
    for row in rows[rows["status"] != OK].to_dict("records"):
        yield f"{row['file']} is left out, as it has no usable scores: {row['status']}."
