"""From settings to what will be computed: datasets opened, models and attacks resolved, all checked.

Everything a user can get wrong is found here, before any model is trained.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from torch import Tensor, nn

from ..core import registry
from ..core.config import ALL, Settings
from ..core.errors import UserError
from ..core.files import safe_name
from ..datasets.base import Dataset, open_dataset
from ..datasets.framing import RESIZE, FramedPixels, Framing
from ..datasets.subset import balanced_subset
from ..store.cell import digest
from ..training.checkpoints import load_weights
from ..training.fit import TrainingData
from ..training.recipes import recipe_of
from .adaptation import adapted
from .measuring.references import References
from .planning.defences import NONE, PlannedDefence, one_after_the_other, plan_defence, plan_defences
from .planning.recipes import PlannedRecipe, plan_recipe, trained_by
from .planning.tables import built, check_name, checked, framing_of, table_of

if TYPE_CHECKING:
    from ...attacks.base import Attack

CLEAN = "none"  # the name of the attack that does nothing
# Parameters that say where weights come from, not what is computed with them.
INITIALISATION = ("pretrained", "weights_file", "weights_dir", "download")


@dataclass(frozen=True)
class PlannedDataset:
    """An opened dataset, its pixels decoded, and which of its test images will be scored.

    Attributes:
        dataset: The dataset.
        cache: Its pixels, as models of one framing are given them.
        limit: How many test images are scored; None: all.
        folder: Where pixels are cached.
    """

    dataset: Dataset
    cache: FramedPixels
    limit: int | None
    folder: Path

    @classmethod
    def limited(
        cls, dataset: Dataset, cache: FramedPixels, limit: int | None, folder: Path
    ) -> "PlannedDataset":
        """With a limit only where there are more test images than that."""
        tests = int((dataset.table["split"] == "test").sum())
        return cls(dataset, cache, limit if limit is not None and limit < tests else None, folder)

    def framed(self, framing: Framing) -> "PlannedDataset":
        """Return the dataset with its pixels as models of another framing are given them."""
        if framing == self.cache.framing:
            return self
        return replace(self, cache=FramedPixels.open(self.dataset, framing, self.folder))

    @cached_property
    def test_rows(self) -> np.ndarray:
        """Indices into the table and the cache of the images to score."""
        rows = np.flatnonzero(self.dataset.table["split"] == "test")
        if self.limit is None:
            return rows
        chosen = balanced_subset(self.dataset.table.iloc[rows], self.limit, self.dataset.split_seed)
        limited: np.ndarray = rows[chosen]
        return limited

    @cached_property
    def scoring_rows(self) -> np.ndarray:
        """The rows of `test_rows`, those whose images have one shape together."""
        return self.cache.bucketed(self.test_rows)

    @cached_property
    def references(self) -> References:
        """The undistorted images that a full-reference metric compares with."""
        return References(self)

    @cached_property
    def training(self) -> TrainingData:
        """The training images."""
        table = self.dataset.table
        rows = np.flatnonzero(table["split"] == "train")
        distributions = self.dataset.rating_distributions
        return TrainingData(
            self.cache,
            rows,
            table["quality"].to_numpy()[rows],
            None if distributions is None else distributions[rows],
        )

    def identity(self) -> dict[str, Any]:
        """The fields of `Cell` that say which pixels and labels these are."""
        framing = self.cache.framing
        identity = {**self._labels(), "image_size": framing.image_size, "pixels": framing.text}
        if self.limit is not None:  # which images are scored depends on the way of choosing them
            chosen = self.dataset.table["path"].iloc[self.test_rows].tolist()
            identity["split_digest"] = digest([self.dataset.split_digest, chosen])[:16]
        return identity

    def training_identity(self) -> dict[str, Any]:
        """What says which pixels and labels weights are fitted to."""
        framing = self.cache.framing
        identity = {**self._labels(), "image_size": framing.training_crop, "pixels": framing.training_text}
        return {name: value for name, value in identity.items() if (name, value) != ("pixels", None)}

    def _labels(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset.name,
            "dataset_version": self.dataset.version,
            "dataset_digest": self.dataset.digest,
            "pixels_digest": self.cache.digest,
            "split_seed": self.dataset.split_seed,
            "split_digest": self.dataset.split_digest,
        }


@dataclass(frozen=True)
class PlannedAttack:
    """An attack by name, with all its parameters.

    Attributes:
        name: Of its table.
        factory: What builds it.
        params: All that it is called with.
        source: Digest of the plugin's file it comes from, if any.
        attack: The attack.
        found_on: The model that its perturbations are found on, where that is not the attacked one.
    """

    name: str
    factory: registry.Factory
    params: dict[str, Any]
    source: str | None
    attack: "Attack"
    found_on: "PlannedModel | None" = None

    def can_attack(self, model: "PlannedModel") -> bool:
        """Return whether the attack has what it needs: some need a gradient, which a model may not show."""
        return not (model.black_box and getattr(self.factory, "needs_gradient", True))

    @property
    def gives_intervals(self) -> bool:
        """Whether it looks for the interval of each score, for which it takes no labels."""
        return bool(getattr(self.factory, "intervals", False))

    def against(self, model: "PlannedModel") -> "PlannedAttack":
        """The attack as this model needs it: over one sample, where a model's passes do not differ."""
        return self if model.stochastic else self.over_one_sample()

    def over_one_sample(self) -> "PlannedAttack":
        """The attack with one gradient a step, whatever the model."""
        if self.params.get("eot_samples", 1) == 1:
            return self
        params = {**self.params, "eot_samples": 1}
        return replace(self, params=params, attack=self.factory(**params))

    def learning(self, images: Callable[[int], Tensor]) -> "PlannedAttack":
        """Return the attack with the training images that it learns on, if it asks for some."""
        attack = cast(Any, self.attack)
        return replace(self, attack=attack.from_images(images(attack.images))) if self.learns else self

    @property
    def learns(self) -> bool:
        """Whether it learns on training images before it attacks."""
        return hasattr(self.attack, "from_images")

    def searching(self, model: nn.Module) -> "PlannedAttack":
        """Return the attack with the model that its perturbations are found on, if it asks for one."""
        return replace(self, attack=cast(Any, self.attack).from_model(model)) if self.found_on else self


@dataclass(frozen=True)
class PlannedModel:
    """A model by name, with all its parameters, and how it comes by its weights.

    Attributes:
        name: Of its table.
        variant: What sets it apart from the model of that table, in a grid; else "".
        factory: What builds it.
        params: All that it is called with.
        source: Digest of the plugin's file it comes from, if any.
        weights: File of weights that spares it the training, if any.
        framing: How pictures become what it is given.
        where: The table to blame for it.
        adaptation: How its input and scores are adapted, as `Adapter` takes it; None: not at all.
        said_black_box: Whether its table says that it is to be taken for a black box.
        recipe: The training recipe that its table asks for, with all its parameters; None: the class's own.
        defence: What images pass before it scores them, if anything.
        swept_defence: What of it is not of the model's table but of the sweep; else "".
    """

    name: str
    variant: str
    factory: registry.Factory
    params: dict[str, Any]
    source: str | None
    weights: Path | None
    framing: Framing
    where: str
    adaptation: dict[str, Any] | None = None
    said_black_box: bool = False
    recipe: PlannedRecipe | None = None
    defence: PlannedDefence | None = None
    swept_defence: str = ""

    @property
    def trained_variant(self) -> str:
        """The variant without the sweep's defence, which the weights do not depend on."""
        return self.variant.removesuffix(_defence(self.swept_defence)).removesuffix(", ")

    @property
    def stochastic(self) -> bool:
        """True where two forward passes may differ."""
        random_defence = self.defence is not None and self.defence.stochastic
        return random_defence or bool(getattr(self.factory, "stochastic", False))

    @property
    def bare(self) -> "PlannedModel":
        """The model without its defence."""
        return replace(self, defence=None)

    @property
    def full_reference(self) -> bool:
        """True where the model compares an image with its reference."""
        return bool(getattr(self.factory, "full_reference", False))

    @property
    def black_box(self) -> bool:
        """True where the model shows no gradient that an attack could use."""
        return self.said_black_box or bool(getattr(self.factory, "black_box", False))

    @property
    def fitted_by(self) -> str:
        """The training recipe; "none" where the model brings its weights or a file of them is given."""
        if self.weights:
            return "none"
        return self.recipe.name if self.recipe else recipe_of(self.factory)

    def architecture(self) -> dict[str, Any]:
        """The parameters without those that only choose the initial weights, with the keys of its adapter."""
        own = {key: value for key, value in self.params.items() if key not in INITIALISATION}
        return {**own, **(self.adaptation or {})}

    def build(self) -> nn.Module:
        """The model before training, or with the weights it brings.

        Raises:
            UserError: its parameters do not fit together, or its weights cannot be had.
        """
        if self.weights is None:
            return trained_by(adapted(self._call(self.params), self.adaptation), self.recipe)
        model = self._call(self._empty())
        load_weights(model, self.weights)
        return adapted(model, self.adaptation)

    def build_empty(self) -> nn.Module:
        """The architecture alone, to load a checkpoint into."""
        return adapted(self._call(self._empty()), self.adaptation)

    def _empty(self) -> dict[str, Any]:
        fresh = {"pretrained": False, "weights_file": None}
        return {key: fresh.get(key, value) for key, value in self.params.items()}

    def _call(self, params: dict[str, Any]) -> nn.Module:
        model = built(self.factory, params, self.where)
        if not isinstance(model, nn.Module):
            found = type(model).__name__
            raise UserError(f"{self.where}: model {self.name!r} is a {found}, not an nn.Module")
        return model


def check_tables(settings: Settings) -> list[str]:
    """Check every `[datasets.X]`, `[models.X]` and `[attacks.X]`, whether the sweep uses it or not.

    Returns:
        A sentence on each table that nothing is registered for, which may be that of a plugin that was not
        named.

    Raises:
        UserError: a key that a constructor does not take.
    """
    kinds: tuple[registry.Kind, ...] = ("datasets", "models", "attacks", "defences")
    passed_over = []
    for kind in kinds:
        for name in getattr(settings, kind):
            registered, _ = table_of(settings, kind, name)
            if registered in registry.names(kind) or registry.is_path(kind, registered):
                checked(settings, kind, name)
            elif not registry.is_library_name(kind, registered):  # that one takes seconds to import
                where = settings.where_table(kind, name)
                passed_over.append(
                    f"{where} is passed over: unknown {kind[:-1]} {registered!r}: "
                    f"{registry.advice(kind, registered)}"
                )
    for name in settings.grid:
        if table_of(settings, "models", name)[0] in registry.names("models") or name not in settings.models:
            _plan_variants(settings, name)
    return passed_over


def plan_models(settings: Settings) -> list[PlannedModel]:
    """The models of the sweep and their variants, their parameters checked against their constructors.

    A model behind a defence of the sweep is a variant too, which has the same weights.
    """
    planned = []
    for name in _chosen(settings.run.models, "models", settings.models):
        planned += _plan_variants(settings, name) if name in settings.grid else [_plan_model(settings, name)]
    return [_behind(model, defence) for model in planned for defence in plan_defences(settings)]


def _behind(model: PlannedModel, defence: PlannedDefence | None) -> PlannedModel:
    if defence is None:
        return model
    return replace(
        model,
        variant=", ".join(filter(None, [model.variant, _defence(defence.name)])),
        defence=one_after_the_other(defence, model.defence),
        swept_defence=defence.name,
    )


def _defence(name: str) -> str:
    return f"defence={name}" if name else ""


def plan_attacks(settings: Settings) -> list[PlannedAttack]:
    """The attacks of the sweep, their parameters checked; clean scoring is not among them."""
    names = _chosen(settings.run.attacks, "attacks", settings.attacks)
    return [plan_attack(settings, name) for name in names]


def plan_attack(settings: Settings, name: str) -> PlannedAttack:
    """An attack by the name of its table, its parameters checked."""
    factory, params, _ = checked(settings, "attacks", name)
    where = settings.where_table("attacks", name)
    attack = built(factory, params, where)
    found_on = None
    if hasattr(attack, "from_model"):
        try:
            found_on = _plan_model(settings, attack.source)
        except UserError as error:
            raise UserError(f"{where}: key 'source': {error}") from error
    return PlannedAttack(name, factory, params, registry.source_digest(factory), attack, found_on)


def plan_datasets(settings: Settings, results: Path, framing: Framing) -> list[PlannedDataset]:
    """The datasets of the sweep: opened, split and decoded.

    Args:
        settings: What to sweep.
        results: The store's folder.
        framing: Of a model; see `PlannedDataset.framed` for those of other models.

    Raises:
        UserError: a dataset is not as it should be, or two would share a name; names the file or image at
            fault.
    """
    planned = []
    split_files: dict[Path, str] = {}
    for name in _chosen(settings.run.datasets, "datasets", settings.datasets):
        arguments = dataset_arguments(settings, name, results)
        if (other := split_files.setdefault(arguments["split_file"], name)) != name:
            raise UserError(
                f"datasets {other} and {name} would both be called {arguments['name']}, and share a split "
                'and their place in reports; give each a table `[datasets.NAME]` with `adapter = "csv"` and '
                "its path as `root`"
            )
        with settings.blaming("datasets", arguments["name"]):
            dataset = open_dataset(**arguments)
        folder = results / "cache"
        cache = FramedPixels.open(dataset, framing, folder)
        planned.append(PlannedDataset.limited(dataset, cache, settings.run.limit, folder))
    return planned


def dataset_arguments(settings: Settings, name: str, results: Path) -> dict[str, Any]:
    """The arguments of `open_dataset` for a `[datasets.NAME]` table, a CSV file or a folder of images."""
    table = dict(settings.datasets.get(name, {}))
    if not table and name not in registry.names("datasets") and Path(name).expanduser().is_dir():
        table, name = {"adapter": "folder", "root": name}, Path(name).expanduser().resolve().name
        check_name(settings, "datasets", name)
    if not table and name.lower().endswith(".csv"):
        table, name = {"adapter": "csv", "root": name}, Path(name).stem
        check_name(settings, "datasets", name)
    adapter, test_list = table.pop("adapter", name), table.pop("test_list", None)
    seed = settings.run.split_seed
    return {
        "name": name,
        "adapter": adapter,
        "params": table,
        "split_seed": seed,
        "test_list": Path(test_list).expanduser() if test_list else None,
        "split_file": results / "splits" / f"{safe_name(name)}-seed{seed}.csv",
        "where": settings.where_table("datasets", name),
        "largest_image": round(settings.run.max_megapixels * 1_000_000),
    }


def _plan_variants(settings: Settings, name: str) -> list[PlannedModel]:
    """A model at every point of its grid, called by what sets it apart from the model's own table.

    So a point at the model's own parameters is no variant of it, and one point has one name in any grid.
    """
    grid, base = settings.grid[name], _plan_model(settings, name)
    variants: list[PlannedModel] = []
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        model = _plan_model(settings, name, point)
        changed = [key for key, value in model.params.items() if value != base.params[key]]
        model = replace(model, variant=", ".join(f"{key}={_plain(model.params[key])}" for key in changed))
        if model not in variants:
            variants.append(model)
    return variants


def _plan_model(settings: Settings, name: str, point: Mapping[str, Any] | None = None) -> PlannedModel:
    _, table = table_of(settings, "models", name)
    factory, params, options = checked(settings, "models", name, point or {})
    weights = table.get("weights")
    if "pretrained" in params and "pretrained" not in table:
        params["pretrained"] = settings.training.pretrained
    return PlannedModel(
        name=name,
        variant="",
        factory=factory,
        params=params,
        source=registry.source_digest(factory),
        weights=Path(weights).expanduser() if weights else None,
        framing=framing_of(settings, name, table.get("pixels", getattr(factory, "pixels", RESIZE))),
        where=settings.where_table("models", name),
        adaptation=options,
        said_black_box=table.get("black_box", False),
        recipe=plan_recipe(table.get("recipe"), f"{settings.where_table('models', name)}: key 'recipe'"),
        defence=plan_defence(
            settings, table.get("defence", NONE), f"{settings.where_table('models', name)}: key 'defence'"
        ),
    )


def _plain(value: Any) -> str:
    return "+".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _chosen(asked: list[str], kind: registry.Kind, configured: Mapping[str, Any]) -> list[str]:
    """The names asked for; for "all", those that have a table and those of plugins."""
    if asked == [ALL]:
        plugins = [name for name in registry.names(kind) if registry.is_plugin(kind, name)]
        asked = [*configured, *plugins]
    if not asked:
        raise UserError(f"[run]: {kind}: the list is empty; `iqabench list {kind}` shows what there is")
    return list(dict.fromkeys(asked))
