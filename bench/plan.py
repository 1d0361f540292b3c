"""From settings to what will be computed: datasets opened, models and attacks resolved, all checked.

Everything a user can get wrong is found here, before any model is trained.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from . import registry
from .cells import Cell, digest
from .checkpoints import Checkpoint, load_weights, weights_digest
from .config import ALL, Settings
from .datasets.base import Dataset, open_dataset
from .errors import UserError
from .images import PixelCache
from .parameters import complete_parameters
from .training import TrainingData, recipe_of

if TYPE_CHECKING:
    from ..attacks.base import Attack

CLEAN = "none"  # the name of the attack that does nothing
INITIALISATION = ("pretrained", "weights_file")  # parameters that matter to training only


@dataclass(frozen=True)
class PlannedDataset:
    """An opened dataset, its pixels decoded, and which of its test images will be scored."""

    dataset: Dataset
    cache: PixelCache
    limit: int | None

    @classmethod
    def limited(cls, dataset: Dataset, cache: PixelCache, limit: int | None) -> "PlannedDataset":
        """With a limit only where there are more test images than that."""
        tests = int((dataset.table["split"] == "test").sum())
        return cls(dataset, cache, limit if limit is not None and limit < tests else None)

    @cached_property
    def test_rows(self) -> np.ndarray:
        """Indices into the table and the cache of the images to score, evenly spread under a limit."""
        rows = np.flatnonzero(self.dataset.table["split"] == "test")
        if self.limit is None:
            return rows
        evenly: np.ndarray = rows[np.linspace(0, len(rows) - 1, self.limit).round().astype(int)]
        return evenly

    @cached_property
    def training(self) -> TrainingData:
        """The training images."""
        table = self.dataset.table
        rows = np.flatnonzero(table["split"] == "train")
        return TrainingData(self.cache, rows, table["quality"].to_numpy()[rows])

    def identity(self) -> dict[str, Any]:
        """The fields of `Cell` that say which pixels and labels these are."""
        return {
            "dataset": self.dataset.name,
            "dataset_digest": self.dataset.digest,
            "pixels_digest": self.cache.digest,
            "split_seed": self.dataset.split_seed,
            "split_digest": self.dataset.split_digest,
            "image_size": self.cache.image_size,
        }


@dataclass(frozen=True)
class PlannedAttack:
    """An attack by name, with all its parameters."""

    name: str
    params: dict[str, Any]
    source: str | None
    attack: "Attack"


@dataclass(frozen=True)
class PlannedModel:
    """A model by name, with all its parameters, and how it comes by its weights."""

    name: str
    factory: registry.Factory
    params: dict[str, Any]
    source: str | None
    weights: Path | None
    where: str

    @property
    def stochastic(self) -> bool:
        """Whether two forward passes may differ."""
        return bool(getattr(self.factory, "stochastic", False))

    @property
    def fitted_by(self) -> str:
        """The training recipe; "none" where the model brings its weights or a file of them is given."""
        return "none" if self.weights else recipe_of(self.factory)

    def architecture(self) -> dict[str, Any]:
        """The parameters without those that only choose the initial weights."""
        return {key: value for key, value in self.params.items() if key not in INITIALISATION}

    def build(self) -> nn.Module:
        """The model before training, or with the weights it brings.

        Raises:
            UserError: its parameters do not fit together, or its weights cannot be had.
        """
        if self.weights is None:
            return self._call(self.params)
        model = self.build_empty()
        load_weights(model, self.weights)
        return model

    def build_empty(self) -> nn.Module:
        """The architecture alone, to load a checkpoint into."""
        fresh = {"pretrained": False, "weights_file": None}
        return self._call({key: fresh.get(key, value) for key, value in self.params.items()})

    def _call(self, params: dict[str, Any]) -> nn.Module:
        try:
            model = self.factory(**params)
        except UserError as error:
            raise UserError(f"{self.where}: {error}") from error
        except Exception as error:
            raise UserError(
                f"{self.where}: model {self.name!r} cannot be built: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(model, nn.Module):
            raise UserError(f"{self.where}: model {self.name!r} is a {type(model).__name__}, no nn.Module")
        return model


def plan_models(settings: Settings) -> list[PlannedModel]:
    """The models of the sweep, their parameters checked against their constructors."""
    planned = []
    for name in _chosen(settings.run.models, "models", settings.models):
        factory = registry.resolve("models", name)
        table = dict(settings.models.get(name, {}))
        weights = table.pop("weights", None)
        with settings.blaming("models", name):
            params = complete_parameters(factory, table, where=f"[models.{name}]")
        if "pretrained" in params and "pretrained" not in table:
            params["pretrained"] = settings.training.pretrained
        planned.append(
            PlannedModel(
                name=name,
                factory=factory,
                params=params,
                source=registry.source_digest(factory),
                weights=Path(weights) if weights else None,
                where=settings.where("models", name),
            )
        )
    return planned


def plan_attacks(settings: Settings) -> list[PlannedAttack]:
    """The attacks of the sweep, their parameters checked; clean scoring is not among them."""
    planned = []
    for name in _chosen(settings.run.attacks, "attacks", settings.attacks):
        factory = registry.resolve("attacks", name)
        with settings.blaming("attacks", name):
            params = complete_parameters(factory, settings.attacks.get(name, {}), where=f"[attacks.{name}]")
        planned.append(PlannedAttack(name, params, registry.source_digest(factory), factory(**params)))
    return planned


def plan_datasets(settings: Settings, results: Path) -> list[PlannedDataset]:
    """The datasets of the sweep: opened, split and decoded.

    Raises:
        UserError: a dataset is not as it should be; names the file or image at fault.
    """
    planned = []
    for name in _chosen(settings.run.datasets, "datasets", settings.datasets):
        arguments = dataset_arguments(settings, name, results)
        with settings.blaming("datasets", arguments["name"]):
            dataset = open_dataset(**arguments)
        cache = PixelCache.open(dataset, settings.run.image_size, results / "cache")
        planned.append(PlannedDataset.limited(dataset, cache, settings.run.limit))
    return planned


def dataset_arguments(settings: Settings, name: str, results: Path) -> dict[str, Any]:
    """The arguments of `open_dataset` for a `[datasets.NAME]` table or the path of a CSV file."""
    table = dict(settings.datasets.get(name, {}))
    if not table and name.lower().endswith(".csv"):
        table, name = {"adapter": "csv", "root": name}, Path(name).stem
    adapter = table.pop("adapter", name)
    seed = settings.run.split_seed
    return {
        "name": name,
        "adapter": adapter,
        "params": table,
        "split_seed": seed,
        "split_file": results / "splits" / f"{name}-seed{seed}.csv",
        "where": settings.where("datasets", name),
    }


@dataclass(frozen=True)
class Job:
    """One model on one dataset under all attacks: the cells that share weights and batches."""

    data: PlannedDataset
    model: PlannedModel
    attacks: list[PlannedAttack]
    settings: Settings
    results: Path

    @property
    def title(self) -> str:
        """For people: dataset and model."""
        return f"{self.data.dataset.name} / {self.model.name}"

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Where the trained weights are, or will be: named by all that determines them."""
        identity = {
            **self.data.identity(),
            "model": self.model.name,
            "params": self.model.params,
            "source": self.model.source,
            "training": self.settings.training.model_dump(),
            "seed": self.settings.run.seed,
        }
        folder = self.results / "checkpoints" / self.data.dataset.name
        return Checkpoint(folder / f"{self.model.name}-{digest(identity)}.safetensors")

    def weights(self) -> str | None:
        """Digest of the weights; None while the model has not been trained."""
        if self.model.fitted_by == "none":
            return weights_digest(self.model.build())
        card = self.checkpoint.card()
        return card["weights"] if card else None

    def cells(self, weights: str) -> Iterator[tuple[PlannedAttack | None, list[Cell]]]:
        """The cells of clean scoring (attack None), then those of each attack, an epsilon each."""
        run = self.settings.run
        shared: dict[str, Any] = {
            **self.data.identity(),
            "limit": self.data.limit,
            "model": self.model.name,
            "model_params": self.model.architecture(),
            "model_source": self.model.source,
            "weights": weights,
            "regime": "clean",
            "seed": run.seed,
            # A stochastic model's draws depend on who shares its batch; another model's scores do not.
            "batch_size": run.batch_size if self.model.stochastic else None,
        }
        yield None, [Cell(**shared)]
        for attack in self.attacks:
            mine: dict[str, Any] = {
                "attack": attack.name,
                "attack_params": attack.params,
                "attack_source": attack.source,
            }
            epsilons = sorted({float(epsilon) for epsilon in run.epsilons if epsilon > 0})
            yield attack, [Cell(**shared, **mine, epsilon=epsilon) for epsilon in epsilons]


def _chosen(asked: list[str], kind: registry.Kind, configured: Mapping[str, Any]) -> list[str]:
    """The names asked for; for "all", those that have a table and those of plugins."""
    if asked == [ALL]:
        plugins = [name for name in registry.names(kind) if registry.is_plugin(kind, name)]
        asked = [*configured, *plugins]
    if not asked:
        raise UserError(f"[run]: {kind}: the list is empty; `iqabench list {kind}` shows what there is")
    return list(dict.fromkeys(asked))
