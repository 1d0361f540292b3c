"""Compose the board from the package's entries, those submitted, and the models of a store."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from ..paper.selection import grouped
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

    entrant: Entrant
    model: str | None  # registered name under which a store may have measured it
    source: str  # tells it apart from another entrant of its name
    cells: Sequence[Row]
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
    drafts = [_draft(entry, entry.name, reported_numbers(entry), []) for entry in printed_entries()]
    drafts += [
        _draft(found.entry, found.path.stem, found.numbers, [file.cell for file in found.files])
        for found in examined
        if _admitted(found, labels, notes) and found.entry
    ]
    for draft in of_store:
        _join(draft, drafts, notes)
    _tell_apart(drafts, notes)
    notes += _of_different_images(drafts)
    return Board(tuple(_finished(drafts)), tuple(notes))


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
    problems = list(found.problems) or [*labels.contradictions(found.files)]
    if problems:
        others = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        notes.append(
            f"Left out: {found.path}: {problems[0]}{others}. `iqabench entry verify {found.path}` says what "
            "is wrong with it."
        )
        return False
    labels.learn(found.files)
    return True


def _draft(entry: Entry, source: str, numbers: tuple[Number, ...], cells: Sequence[Row]) -> _Draft:
    paper = entry.paper
    links = [
        ("Paper", paper.url if paper else None),
        ("Code", entry.code),
        *((_weights_of(row.dataset, row.seed), row.url) for row in entry.weights),
    ]
    digests = [
        (f"SHA-256 of {_weights_of(row.dataset, row.seed).lower()}", row.sha256)
        for row in entry.weights
        if row.sha256
    ]
    entrant = Entrant(
        name=entry.name,
        numbers=numbers,
        moves=reported_moves(entry),
        paper=paper.title if paper else "",
        authors=tuple(entry.authors),
        year=paper.year if paper else None,
        links=tuple((what, url) for what, url in links if url),
        training=entry.training,
        unreliable=entry.unreliable or "",
        audit=entry.audit or "",
        facts=tuple(digests),
    )
    return _Draft(entrant, entry.model, source, cells)


def _weights_of(dataset: str | None, seed: int | None) -> str:
    of = ", ".join(filter(None, [dataset, "" if seed is None else f"seed {seed}"]))
    return f"Weights ({of})" if of else "Weights"


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
            entrant = Entrant(name, measured_numbers(cells), measured_moves(unlabelled), training=regime)
            drafts.append(_Draft(entrant, joins, "store", cells, unlabelled))
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
    host = next((one for one in drafts if one.model and one.model == draft.model), None)
    if host is None:
        drafts.append(draft)
        return
    own = {number.condition for number in draft.entrant.numbers}
    kept = [one for one in host.entrant.numbers if one.kind == "reported" or one.condition not in own]
    replaced = len(host.entrant.numbers) - len(kept)
    if replaced:
        notes.append(
            f"{host.entrant.name}: {plural(replaced, 'number')} of its entry "
            f"{'is' if replaced == 1 else 'are'} not shown, as the store has measured the same."
        )
    host.entrant = replace(
        host.entrant,
        numbers=(*kept, *draft.entrant.numbers),
        moves=(*host.entrant.moves, *draft.entrant.moves),
    )
    host.unlabelled = [*host.unlabelled, *draft.unlabelled]
    host.cells = [*(cell for cell in host.cells if condition_of(cell) not in own), *draft.cells]


def _of_different_images(drafts: Sequence[_Draft]) -> Iterator[str]:
    """Yield a note on each dataset whose measured numbers are of different images."""
    names: Mapping[str, dict[tuple[Any, ...], dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for draft in drafts:
        for cell in draft.cells:
            images = (cell["dataset_digest"], cell["split_digest"], _pixels(cell), cell["n"])
            names[cell["dataset"]][images][draft.entrant.name] = None
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
    seen: dict[str, None] = {}
    for draft in drafts:
        name = draft.entrant.name
        if name in seen:
            unlike = unused(f"{name} ({draft.source})", seen)
            notes.append(f"Two entrants are called {name}; one is shown as {unlike}.")
            draft.entrant = replace(draft.entrant, name=unlike)
        seen[draft.entrant.name] = None


def _finished(drafts: Sequence[_Draft]) -> Iterator[Entrant]:
    slug = slugs((draft.entrant.name for draft in drafts), "entrant")
    for draft in drafts:
        entrant, cells = draft.entrant, [*draft.cells, *draft.unlabelled]
        yield replace(
            entrant,
            slug=slug[entrant.name],
            facts=(*_facts(cells), *entrant.facts),
            audit=verdict([entrant.audit, *(cell["audit"] for cell in _deciding(cells))]),
            audits=_audits(entrant.audit, [*entrant.numbers, *entrant.moves], cells),
            red_flags=(
                *red_flags(entrant.numbers),
                *of_audits(cells),
                *measured_elsewhere([*entrant.numbers, *entrant.moves]),
            ),
        )


def _audits(
    stated: str, numbers: Sequence[Number | Move], cells: Sequence[Row]
) -> tuple[tuple[str, str], ...]:
    """Return the verdict of each dataset that has one: the stated one and those of its cells together."""
    deciding = _deciding(cells)
    found = [
        (dataset, verdict([stated, *(cell["audit"] for cell in deciding if cell["dataset"] == dataset)]))
        for dataset in ordered("dataset", (number.dataset for number in numbers))
    ]
    return tuple((dataset, said) for dataset, said in found if said)


def _deciding(cells: Sequence[Row]) -> list[Row]:
    """Return the cells whose audits decide: on a dataset with audited cells of `auto` those, else all.

    Where a single attack failed, `auto` takes another on each image.
    """
    of_auto = {cell["dataset"] for cell in cells if cell["attack"] == AUTO and cell["audit"]}
    return [cell for cell in cells if cell["attack"] == AUTO or cell["dataset"] not in of_auto]
