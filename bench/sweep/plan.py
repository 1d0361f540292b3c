"""Plans a sweep from settings: datasets are opened, models and attacks resolved, and all is checked.

Everything a user can get wrong is found here, before any model is trained.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from torch import Tensor, nn

from ...attacks.tools.balls import Norm
from ...models.check import check_complete
from ..core import registry
from ..core.config import Settings
from ..core.errors import UserError, located
from ..core.files import content_digest
from ..core.parameters import keyed
from ..datasets.framing import RESIZE, Framing
from ..training.checkpoints import load_weights
from ..training.recipes import recipe_of
from .adaptation import adapted
from .planning.defences import PlannedDefence, plan_defence, plan_defences
from .planning.recipes import PlannedRecipe, plan_recipe
from .planning.tables import Method, checked, chosen_names, table_of

if TYPE_CHECKING:
    from ...attacks.base import Attack

CLEAN = "none"  # the name of the attack that does nothing
# Parameters that say where weights come from, not what is computed with them.
INITIALISATION = ("pretrained", "weights_file", "weights_dir", "download")
NORMS: tuple[str, ...] = get_args(Norm)


@dataclass(frozen=True)
class PlannedAttack(Method):
    """An attack of the sweep, or of training."""

    attack: "Attack"
    # the model that its perturbations are found on, where that is not the attacked one
    found_on: "PlannedModel | None"

    @property
    def weights(self) -> str | None:
        """Digest of the weights that it brings; None where it brings none."""
        return getattr(self.attack, "weights_digest", None)

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters without those that say where weights are found, which `weights` stands for."""
        left_out = INITIALISATION if self.weights else ()
        return {key: value for key, value in self.params.items() if key not in left_out} | self.told

    @property
    def needs_gradient(self) -> bool:
        """Whether it needs a gradient, which a model may not show."""
        return bool(getattr(self.attack, "needs_gradient", True))

    def can_attack(self, model: "PlannedModel") -> bool:
        """Return whether the attack has what it needs."""
        return not (model.black_box and self.needs_gradient)

    @property
    def control(self) -> bool:
        """Whether it is a control, which changes images without looking at the model."""
        return bool(getattr(self.attack, "control", False))

    @property
    def gives_intervals(self) -> bool:
        """Whether it looks for the interval of each score, for which it takes no labels."""
        return bool(getattr(self.attack, "intervals", False))

    @property
    def nested(self) -> bool:
        """Whether the images of an epsilon depend on the smaller ones of the sweep."""
        return self.gives_intervals or bool(getattr(self.attack, "nested", False))

    @property
    def depends_on_batch(self) -> bool:
        """Whether an image depends on the others of its batch, as with draws of a random source model."""
        of_source = self.found_on is not None and self.found_on.stochastic
        return of_source or bool(getattr(self.attack, "depends_on_batch", False))

    def against(self, model: "PlannedModel") -> "PlannedAttack":
        """Return the attack as this model needs it: with one sample, where a model's passes do not differ."""
        return self if model.stochastic else self.over_one_sample()

    def over_one_sample(self) -> "PlannedAttack":
        """Return the attack with one gradient a step, whatever the model."""
        if self.params.get("eot_samples", 1) == 1:
            return self
        params = {**self.params, "eot_samples": 1}
        return replace(self, params=params, attack=self.factory(**params))

    @property
    def learns(self) -> bool:
        """Whether it learns on training images before it attacks."""
        return hasattr(self.attack, "from_images")

    def ready(self, source: Callable[[], nn.Module], images: Callable[[int], Tensor]) -> "PlannedAttack":
        """Return the attack with the model that it searches on, and what it learns from training images.

        `source` gives the model, and `images` at most so many images (N, 3, H, W) in [0, 1], if asked for.
        """
        attack = cast(Any, self.attack)
        attack = attack.from_model(source()) if self.found_on else attack
        attack = attack.from_images(images(attack.images)) if self.learns else attack
        return replace(self, attack=attack)


@dataclass(frozen=True)
class PlannedModel(Method):
    """A model, and how it comes by its weights."""

    framing: Framing  # how pictures become what it is given
    point: str = ""  # what sets it apart from the model of its table, in a grid; else ""
    weights: Path | None = None  # file of weights that spares it the training, if any
    # how its input and scores are adapted, as `Adapter` takes it; None: not at all
    adaptation: dict[str, Any] | None = None
    said_black_box: bool = False  # whether its table says that it is to be taken for a black box
    # the training recipe that its table asks for, with all its parameters; None: the class's own
    recipe: PlannedRecipe | None = None
    defence: PlannedDefence | None = None  # what images pass before it scores them, if anything
    swept_defence: str = ""  # what of it is not of the model's table but of the sweep; else ""

    @property
    def variant(self) -> str:
        """What sets it apart from the model of its table: a point of a grid, a defence of the sweep."""
        defence = f"defence={self.swept_defence}" if self.swept_defence else ""
        return ", ".join(filter(None, [self.point, defence]))

    @property
    def stochastic(self) -> bool:
        """True where two forward passes may differ."""
        random_defence = self.defence is not None and self.defence.stochastic
        return random_defence or bool(getattr(self.factory, "stochastic", False))

    @property
    def full_reference(self) -> bool:
        """True where the model compares an image with its reference."""
        return bool(getattr(self.factory, "full_reference", False))

    @property
    def black_box(self) -> bool:
        """True where the model shows no gradient that an attack could use."""
        return self.said_black_box or bool(getattr(self.factory, "black_box", False))

    @property
    def start(self) -> dict[str, Any]:
        """`identity`, with what is in a file of initial weights in place of its path."""
        params = self.identity
        file = params.get("weights_file")
        if isinstance(file, str) and (path := Path(file).expanduser()).is_file():
            params["weights_file"] = content_digest(path)
        return params

    @property
    def fitted_by(self) -> str:
        """The training recipe; "none" where the model brings its weights or a file of them is given."""
        if self.weights:
            return "none"
        if self.recipe:
            return self.recipe.name
        with located(self.where):
            return recipe_of(self.factory)

    @property
    def identity(self) -> dict[str, Any]:
        """The parameters that keys are made of, with its adapter's keys.

        A parameter called as a key of the adapter is the model's: the adapter is given none of its table.
        """
        return {**(self.adaptation or {}), **keyed(self.factory, self.params), **self.told}

    def architecture(self) -> dict[str, Any]:
        """Return the same without the parameters that only choose initial weights."""
        return {key: value for key, value in self.identity.items() if key not in INITIALISATION}

    def build(self) -> nn.Module:
        """Return the model before training, or with the weights it brings; a UserError if that fails."""
        if self.weights is None:
            model = adapted(self._call(self.params), self.adaptation)
            if self.recipe is not None:
                model.recipe = self.recipe.name  # type: ignore[assignment]
                model.recipe_params = self.recipe.params  # type: ignore[assignment]
            return model
        model = self._call(self._empty())
        load_weights(model, self.weights)
        return adapted(model, self.adaptation)

    def build_empty(self) -> nn.Module:
        """Build the architecture alone, to load a checkpoint into."""
        return adapted(self._call(self._empty()), self.adaptation)

    def _empty(self) -> dict[str, Any]:
        fresh = {"pretrained": False, "weights_file": None}
        return {key: fresh.get(key, value) for key, value in self.params.items()}

    def _call(self, params: dict[str, Any]) -> nn.Module:
        model = self.called(params)
        if not isinstance(model, nn.Module):
            raise UserError(f"{self.where} is a {type(model).__name__}, not an nn.Module")
        with located(self.where):
            check_complete(model)
        return model


def check_tables(settings: Settings) -> list[str]:
    """Check every `[datasets.X]`, `[models.X]` and `[attacks.X]`, whether the sweep uses it or not.

    Returns:
        A sentence on each table for which nothing is registered; it may belong to a plugin that was not
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
    """Return the models of the sweep and their variants, with parameters checked against their constructors.

    A model behind a defence of the sweep is a variant too, which has the same weights.
    """
    planned = []
    for name in chosen_names(settings.run.models, "models", settings.models):
        planned += _plan_variants(settings, name) if name in settings.grid else [_plan_model(settings, name)]
    defences = plan_defences(settings)
    return [_behind(defence, model) if defence else model for model in planned for defence in defences]


def _behind(defence: PlannedDefence, model: PlannedModel) -> PlannedModel:
    own = model.defence.steps if model.defence else ()
    return replace(model, defence=PlannedDefence(defence.steps + own), swept_defence=defence.name)


def plan_attacks(settings: Settings) -> list[PlannedAttack]:
    """Return the attacks of the sweep, with parameters checked; clean scoring is not among them."""
    names = chosen_names(settings.run.attacks, "attacks", settings.attacks)
    if CLEAN in names and CLEAN not in settings.attacks:
        raise UserError(
            f"attack {CLEAN!r}: every sweep scores clean images; `--epsilons 0` scores them alone"
        )
    return [plan_attack(settings, name) for name in names]


def plan_attack(settings: Settings, name: str) -> PlannedAttack:
    """Return an attack by the name of its table, with its parameters checked."""
    method, _ = checked(settings, "attacks", name)
    where, attack = method.where, method.called(method.params)
    if not callable(getattr(attack, "perturb", None)):
        raise UserError(f"{where}: attack {name!r} is a {type(attack).__name__} without a method `perturb`")
    if (norm := getattr(attack, "norm", NORMS[0])) not in NORMS:
        raise UserError(f"{where}: attack {name!r}: `norm` is {norm!r}, accepted is {' or '.join(NORMS)}")
    found_on = None
    if hasattr(attack, "from_model"):
        with located(f"{where}: key 'source'"):
            found_on = _plan_model(settings, attack.source)
    return PlannedAttack(**vars(method), attack=attack, found_on=found_on)


def _plan_variants(settings: Settings, name: str) -> list[PlannedModel]:
    """Return a model for every point of its grid, named by what distinguishes it from the model's own table.

    So a point at the model's own parameters is no variant of it, and one point has one name in any grid.
    """
    grid, base = settings.grid[name], _plan_model(settings, name)
    variants: list[PlannedModel] = []
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        model = _plan_model(settings, name, point)
        changed = [key for key, value in model.params.items() if value != base.params[key]]
        model = replace(model, point=", ".join(f"{key}={_plain(model.params[key])}" for key in changed))
        if model not in variants:
            variants.append(model)
    return variants


def _plan_model(settings: Settings, name: str, point: Mapping[str, Any] | None = None) -> PlannedModel:
    method, said = checked(settings, "models", name, point)
    where = method.where
    return PlannedModel(
        **vars(method),
        framing=said["pixels"],
        weights=Path(said["weights"]).expanduser() if said["weights"] else None,
        adaptation=said["adaptation"],
        said_black_box=said["black_box"],
        recipe=plan_recipe(said["recipe"], f"{where}: key 'recipe'"),
        defence=plan_defence(settings, said["defence"], f"{where}: key 'defence'"),
    )


def trainable(step: Method, image_size: int) -> PlannedModel:
    """Return a defence that learns, planned as a model is that a sweep trains."""
    framing = Framing.of(RESIZE, image_size)
    return PlannedModel(step.name, step.factory, step.params, step.where, step.told, framing)


def _plain(value: Any) -> str:
    return "+".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)
