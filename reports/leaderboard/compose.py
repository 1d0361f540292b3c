"""Compose the board from the package's entries, those submitted, and the models of a store."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from platformdirs import user_cache_path

from ...bench.core.errors import UserError
from ...bench.core.text import listing, parameters, plural
from ...bench.statistics.metrics import NO_LABELS, OK
from ...bench.store.condition import attack_phrase
from ...bench.store.metric_cache import MetricCache
from ...bench.store.newest import newest
from ...bench.store.results import RESIZE, read_results, verdict
from ...bench.store.store import Store
from ..catalogue import AUTO, attack_name, dataset_name, ordered
from ..paper.points import grouped
from .board import Board, Entrant, Move, Number
from .red_flags import measured_elsewhere, of_audits, red_flags
from .slugs import slugs, unused
from .submission.create import titled
from .submission.entry import Entry
from .submission.labels import KnownLabels
from .submission.printed import printed_entries
from .submission.scores import Row, condition_of, measured_moves, measured_numbers
from .submission.verify import Examination, examine, reported_moves, reported_numbers


@dataclass
class _Draft:
    """An entrant that is not complete yet."""

    name: str  # name that is shown
    entry: Entry  # what it is; its `model` is the name under which a store may have measured it
    source: str  # tells it apart from another entrant of its name
    cells: Sequence[Row] = ()
    unlabelled: Sequence[Row] = ()  # cells of images without labels


def compose_board(entry_paths: Sequence[Path] = (), store: Store | Path | None = None) -> Board:
    """Compose a board of TOML files of entries, or folders of them, and of a store or its folder.

    The package's entries come first, then those given, then the models of the store. A model of the store
    that is trained without attacks, as its own table configures it, joins the entry that names it as its
    `model`; every other model, variant or regime of the store is an entrant of its own. The board's notes
    name the entries that were left out, and what could not be read.

    Raises:
        UserError: a path that does not exist, a folder without entries, or a store that is empty or
            contradicts itself.
    """
    notes: list[str] = []
    labels = KnownLabels()
    of_store = [] if store is None else _of_store(store, labels, notes)
    kept = MetricCache(user_cache_path("iqabench") / "leaderboard.parquet")
    examined = [examine(path, kept) for path in _files(entry_paths)]
    kept.save()
    drafts = [_Draft(entry.name, entry, entry.name) for entry in printed_entries()]
    drafts += [
        _Draft(found.entry.name, found.entry, found.path.stem, [file.cell for file in found.files])
        for found in examined
        if _admitted(found, labels, notes) and found.entry
    ]
    for draft in of_store:
        _join(draft, drafts, notes)
    _tell_apart(drafts, notes)
    notes += _of_different_images(drafts)
    slug = slugs((draft.name for draft in drafts), "entrant")
    return Board(tuple(_finished(draft, slug[draft.name]) for draft in drafts), tuple(notes))


def _files(given: Sequence[Path]) -> list[Path]:
    """Return the TOML files of the entries that are given, each once."""
    found = []
    for path in given:
        if path.is_dir():
            inside = sorted(path.rglob("*.toml"))
            if not inside:
                raise UserError(f"{path}: no entry in this folder; an entry is a file NAME.toml")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"{path}: no such entry; give a TOML file or a folder of them")
    return list({path.resolve(): path for path in found}.values())


def _admitted(found: Examination, labels: KnownLabels, notes: list[str]) -> bool:
    """Return whether nothing is wrong with an entry; if not, note what."""
    problems = list(found.problems) or labels.learn(found.files)
    if problems:
        others = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        notes.append(
            f"Left out: {found.path}: {problems[0]}{others}. `iqabench entry verify {found.path}` says what "
            "is wrong with it."
        )
    return not problems


def _of_store(store: Store | Path, labels: KnownLabels, notes: list[str]) -> list[_Draft]:
    """Return an entrant for each model, variant and regime of a store."""
    store = store if isinstance(store, Store) else Store(Path(store))
    results = read_results(store)
    notes += results.left_out
    drafts = []
    for (model, variant, regime), group in grouped(results.frame, ["model", "variant", "regime"]):
        name = titled(model, variant, regime)
        rows = newest(group, ["dataset", "seed"])
        notes += _not_shown(name, group, rows)
        cells, unlabelled = (rows[rows["status"] == status].to_dict("records") for status in (OK, NO_LABELS))
        if cells or unlabelled:
            joins = model if (variant, regime) == ("", "clean") else None
            entry = Entry.model_construct(name=name, model=joins, training=regime)
            drafts.append(_Draft(name, entry, "store", cells, unlabelled))
    labels.learn_from_store(results.frame, store.root)
    return drafts


def _not_shown(name: str, group: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    older = len(group) - len(rows)
    if older:
        yield (
            f"{name}: {plural(older, 'cell')} of older versions, or with other parameters of an attack, "
            f"{'is' if older == 1 else 'are'} not shown."
        )
    undefined = rows[~rows["status"].isin([OK, NO_LABELS])]
    for (dataset, status), broken in grouped(undefined, ["dataset", "status"]):
        conditions = broken[["attack", "epsilon"]].drop_duplicates().itertuples(index=False)
        where = listing([attack_phrase(attack, epsilon, attack_name) for attack, epsilon in conditions])
        seeds = listing([str(seed) for seed in sorted(broken["seed"].unique())])
        yield f"{name} has no numbers on {dataset_name(dataset)} for {where}, seed {seeds}: {status}."


def _facts(cells: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    """Return what the measured numbers of a model were made with, for its page; each value once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for cell in cells:
        where = f"{dataset_name(cell['dataset'])}, seed {cell['seed']}"
        found["Parameters"][parameters(cell["model_params"])] = None
        if cell["attack_params"] != json.dumps({}):
            found[f"Parameters of {attack_name(cell['attack'])}"][parameters(cell["attack_params"])] = None
        found["Pixels"][_pixels(cell)] = None
        found["Digest of the weights"][f"{where}: {cell['weights']}"] = None
        found["Versions"][cell["versions"]] = None
        found["Command"][cell["command"]] = None
    texts = {what: "; ".join(filter(None, values)) for what, values in found.items()}
    return tuple((what, text) for what, text in texts.items() if text)


def _pixels(cell: Row) -> str:
    """Return how an image became what the model was given."""
    if cell["pixels"] == RESIZE:
        return f"resized to {cell['image_size']} px"
    return str(cell["pixels"])


def _join(draft: _Draft, drafts: list[_Draft], notes: list[str]) -> None:
    """Add a model of the store to the first entry of that model, else as an entrant of its own."""
    model = draft.entry.model
    host = next((one for one in drafts if one.entry.model == model), None) if model else None
    if host is None:
        drafts.append(draft)
        return
    own = set(map(condition_of, draft.cells))
    replaced = len(own.intersection(map(condition_of, host.cells)))
    if replaced:
        notes.append(
            f"{host.name}: {plural(replaced, 'number')} of its entry "
            f"{'is' if replaced == 1 else 'are'} not shown, as the store has measured the same."
        )
    host.cells = [*(cell for cell in host.cells if condition_of(cell) not in own), *draft.cells]
    host.unlabelled = draft.unlabelled


def _of_different_images(drafts: Sequence[_Draft]) -> Iterator[str]:
    """Yield a note on each dataset whose measured numbers are of different images."""
    names: Mapping[str, dict[tuple[Any, ...], dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for draft in drafts:
        for cell in draft.cells:
            images = (cell["dataset_digest"], cell["split_digest"], _pixels(cell), cell["n"])
            names[cell["dataset"]][images][draft.name] = None
    for dataset in ordered("dataset", names):
        if len(names[dataset]) > 1:
            sets = [
                f"{plural(n, 'image')}, {pixels} (version {version[:8]}, split {split[:8]}): "
                f"{listing([*entrants])}"
                for (version, split, pixels, n), entrants in names[dataset].items()
            ]
            yield (
                f"Measured numbers on {dataset_name(dataset)} are of different images, and not strictly "
                f"comparable: {'; '.join(sets)}."
            )


def _tell_apart(drafts: Sequence[_Draft], notes: list[str]) -> None:
    """Append the file's name to the name of an entrant that another has already."""
    seen: set[str] = set()
    for draft in drafts:
        if (name := draft.name) in seen:
            draft.name = unused(f"{name} ({draft.source})", seen)
            notes.append(f"Two entrants are called {name}; one is shown as {draft.name}.")
        seen.add(draft.name)


def _finished(draft: _Draft, slug: str) -> Entrant:
    entry, cells = draft.entry, [*draft.cells, *draft.unlabelled]
    paper, stated = entry.paper, entry.audit or ""
    weights = [(_weights_of(row.dataset, row.seed), row) for row in entry.weights]
    links = [
        ("Paper", paper.url if paper else None),
        ("Code", entry.code),
        *((what, row.url) for what, row in weights),
    ]
    numbers = (*reported_numbers(entry), *measured_numbers(draft.cells))
    moves = (*reported_moves(entry), *measured_moves(draft.unlabelled))
    digests = [(f"SHA-256 of {what.lower()}", row.sha256) for what, row in weights if row.sha256]
    audits = _audits(stated, [*numbers, *moves], cells)
    return Entrant(
        name=draft.name,
        numbers=numbers,
        moves=moves,
        slug=slug,
        paper=paper.title if paper else "",
        authors=tuple(entry.authors),
        year=paper.year if paper else None,
        links=tuple((what, url) for what, url in links if url),
        training=entry.training,
        unreliable=entry.unreliable or "",
        audit=verdict([stated, *(said for _, said in audits)]),
        audits=audits,
        red_flags=(*red_flags(numbers), *of_audits(cells), *measured_elsewhere([*numbers, *moves])),
        facts=(*_facts(cells), *digests),
    )


def _weights_of(dataset: str | None, seed: int | None) -> str:
    of = ", ".join(filter(None, [dataset, "" if seed is None else f"seed {seed}"]))
    return f"Weights ({of})" if of else "Weights"


def _audits(
    stated: str, numbers: Sequence[Number | Move], cells: Sequence[Row]
) -> tuple[tuple[str, str], ...]:
    """Return the verdict of each dataset that has one: the stated one and those of its cells together.

    On a dataset with audited cells of `auto` these decide, else all: where a single attack failed, `auto`
    takes another on each image.
    """
    found = []
    for dataset in ordered("dataset", (number.dataset for number in numbers)):
        here = [cell for cell in cells if cell["dataset"] == dataset]
        of_auto = [cell["audit"] for cell in here if cell["attack"] == AUTO]
        deciding = of_auto if any(of_auto) else [cell["audit"] for cell in here]
        if said := verdict([stated, *deciding]):
            found.append((dataset, said))
    return tuple(found)
