"""Examines what a run needs, for `iqabench doctor`: each part of this machine and of the configuration."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ..core.config import Settings
from ..core.configuration.values import ALL
from ..core.errors import UserError
from ..core.text import plural

LIBRARIES = {
    "pyiqa": ("labels of `synthetic`, and the models `pyiqa:NAME`", "pyiqa"),
    "skimage": ("photographs of `synthetic`", "synthetic"),
    "python_calamine": ("score tables of VCL@FER in spreadsheets", "spreadsheets"),
}
"""The purpose of each optional module, and the extra that brings it."""

SPARE = 2_000_000_000  # bytes that a store, its caches and checkpoints may well take


class Finding(NamedTuple):
    """A part that was examined."""

    what: str  # its name
    there: bool | None  # whether it is there; None: it need not be
    sentence: str  # what was found, and what to do if it is missing


def examine(settings: Settings, results: Path) -> Iterator[Finding]:
    """Yield what is found of device, libraries, datasets and models of the run, and its store."""
    yield Finding("iqabench", True, f"{version('iqabench')} on Python {sys.version.split()[0]}")
    yield _device(settings.run.device)
    yield from _libraries()
    datasets = [*settings.run.datasets, *(settings.run.train_on or [])]
    for name in dict.fromkeys(_names(datasets, settings.datasets)):
        yield _dataset(settings, name, results)
    for name in _names(settings.run.models, settings.models):
        yield _model(settings, name)
    yield _store(results)


def _names(asked: list[str], tables: dict[str, Any]) -> list[str]:
    return list(tables) if ALL in asked else asked


def _device(asked: str) -> Finding:
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        memory = f"{free / 1e9:.0f} of {total / 1e9:.0f} GB free"
        return Finding("device", True, f"{name}, {memory}; torch {torch.__version__}")
    if asked == "cuda":
        return Finding("device", False, "torch sees no GPU: install torch with CUDA, or use `--device cpu`")
    cores = plural(os.cpu_count() or 1, "core")
    threads = plural(torch.get_num_threads(), "thread")
    return Finding("device", True, f"no GPU; {cores}, torch {torch.__version__} with {threads}")


def _libraries() -> Iterator[Finding]:
    for module, (purpose, extra) in LIBRARIES.items():
        package = {"skimage": "scikit-image"}.get(module, module.replace("_", "-"))
        if find_spec(module) is None:
            sentence = f'not installed; for {purpose}: pip install "iqabench[{extra}]"'
            yield Finding(package, None, sentence)
            continue
        try:
            yield Finding(package, True, f"{version(package)}, for {purpose}")
        except PackageNotFoundError:
            yield Finding(package, True, f"for {purpose}")


def _dataset(settings: Settings, name: str, results: Path) -> Finding:
    from ..datasets.base import read_table
    from ..sweep.planning.datasets import database_of

    what = f"dataset {name}"
    try:
        database = database_of(settings, name, results)
        if database.adapter == "synthetic":
            return _synthetic(what)
        _, table = read_table(database)
    except UserError as error:
        return Finding(what, False, str(error))
    return Finding(
        what, True, f"{plural(len(table), 'image')}; `iqabench datasets verify {name}` checks each"
    )


def _synthetic(what: str) -> Finding:
    missing = [module for module in ("pyiqa", "skimage") if find_spec(module) is None]
    if missing:
        return Finding(what, False, f'needs {" and ".join(missing)}: pip install "iqabench[synthetic]"')
    return Finding(what, True, "is drawn when it is first used")


def _model(settings: Settings, name: str) -> Finding:
    from ..sweep.plan import plan_models
    from ..training.weights import read_weights

    what = f"model {name}"
    try:
        (model, *_) = plan_models(
            settings.model_copy(update={"run": settings.run.model_copy(update={"models": [name]})})
        )
        if model.weights:
            tensors, said = read_weights(model.weights)
            return Finding(
                what, True, f"{plural(len(tensors), 'tensor')} in {model.weights}{f'; {said}' * bool(said)}"
            )
        if model.fitted_by == "none":
            model.build()
            return Finding(what, True, "brings its weights")
        if model.params.get("pretrained"):
            return _pretrained(what, model)
    except UserError as error:
        return Finding(what, False, str(error))
    return Finding(what, True, f"is trained, by the recipe {model.fitted_by!r}, from random weights")


def _pretrained(what: str, model: Any) -> Finding:
    """Say whether the weights of ImageNet, which a training starts from, are in timm's cache."""
    import timm
    from huggingface_hub import try_to_load_from_cache

    backbone = str(model.params.get("backbone"))
    source = timm.get_pretrained_cfg(backbone)
    hub = source.hf_hub_id if source is not None else None
    files = ("model.safetensors", "pytorch_model.bin")
    cached = (try_to_load_from_cache(hub, file) for file in files if hub)
    if found := next((path for path in cached if isinstance(path, str)), None):
        return Finding(what, True, f"is trained from the ImageNet weights in {found}")
    return Finding(
        what,
        None,
        f"is trained from timm's ImageNet weights of {backbone}, to be fetched, as its cache lacks them: "
        "without a network give `weights_file` in its table, or `--from-scratch`",
    )


def _store(results: Path) -> Finding:
    folder = next(path for path in (results.absolute(), *results.absolute().parents) if path.is_dir())
    if not os.access(folder, os.W_OK):
        return Finding("store", False, f"{results} cannot be written; `--results DIR` names another")
    free = shutil.disk_usage(folder).free
    if free < SPARE:
        return Finding("store", None, f"{results}: only {free / 1e9:.1f} GB are free there")
    cells = len(list((results / "cells").rglob("*.parquet"))) if results.is_dir() else 0
    return Finding("store", True, f"{results}: {plural(cells, 'cell')}, {free / 1e9:.0f} GB free")
