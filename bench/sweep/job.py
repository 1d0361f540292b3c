"""A job: one model, trained with one seed, on one dataset under all attacks; and the cells it consists of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...models.check import check_model
from ...models.recipe import Regime
from ..core import registry
from ..core.config import Settings
from ..core.configuration.values import PIXEL
from ..core.errors import UserError, located
from ..core.files import safe_name
from ..core.registry import version_of
from ..core.text import heading
from ..datasets.pixels import to_float
from ..store.cell import Cell, digest
from ..training.checkpoints import Checkpoint, weights_digest
from ..training.regimes import AdversarialRegime, CleanRegime
from .measuring.references import check_references, with_references
from .plan import PlannedAttack, PlannedModel, trainable
from .planning.datasets import PlannedDataset
from .planning.stated import check_stated

USUAL_BATCH = 16  # images scored and attacked at once where nothing is known of the memory: the paper's batch

ADAPTIVE, STATIC = "adaptive", "static"
"""What an attack knows of a defence: it attacks through the defence, or it is made on the bare model."""


@dataclass(frozen=True)
class Job:
    """One model, trained with one seed, on one dataset under all attacks: cells with the same weights."""

    data: PlannedDataset  # the dataset whose images are scored
    model: PlannedModel
    attacks: list[PlannedAttack]  # all attacks of the sweep
    # what training attacks with in the adversarial regime; None in the clean one
    inner_attack: PlannedAttack | None
    seed: int  # of training
    settings: Settings  # what is in force
    results: Path  # the store's folder
    # the dataset that the model is trained on, where it is not `data`
    trained_on: PlannedDataset | None = None

    @property
    def title(self) -> str:
        """Name the job for people: dataset, model, and what sets it apart from others of the sweep."""
        parts = [f"{self.data.dataset.name} / {self.model.name}"]
        if self.variant:
            parts.append(self.variant)
        if self.settings.run.regime != "clean":
            parts.append(self.settings.run.regime)
        if len(self.settings.run.seed) > 1:
            parts.append(f"seed {self.seed}")
        return ", ".join(parts)

    @property
    def variant(self) -> str:
        """Name of what sets the model apart from that of its table: a point of a grid, a defence, a
        dataset.
        """
        elsewhere = f"trained on {self.trained_on.dataset.name}" if self.trained_on else ""
        return ", ".join(filter(None, [self.model.variant, elsewhere]))

    @property
    def home(self) -> "Job":
        """The job on the dataset that the model is trained on, without attacks: itself for most."""
        return replace(self, data=self.trained_on, trained_on=None, attacks=[]) if self.trained_on else self

    @property
    def training_data(self) -> PlannedDataset:
        """The dataset that the model is trained on."""
        return self.trained_on or self.data

    @cached_property
    def image_names(self) -> tuple[str, ...]:
        """Names of the images to score, in the order in which they are scored."""
        return tuple(self.data.dataset.table["path"].iloc[self.data.scoring_rows])

    @property
    def batch_size(self) -> int:
        """Images scored and attacked at once, at most."""
        wanted = self.settings.run.batch_size
        return USUAL_BATCH if wanted == "auto" else wanted

    @property
    def impossible(self) -> list[str]:
        """Names of the attacks that can do nothing with the model, because it shows no gradient."""
        return [attack.name for attack in self.attacks if not attack.can_attack(self.model)]

    @property
    def bound_to_labels(self) -> list[str]:
        """Names of the attacks that need labels which the images do not have."""
        labelled = self.data.dataset.labelled
        return [attack.name for attack in self.attacks if not (labelled or attack.gives_intervals)]

    @property
    def training(self) -> dict[str, Any]:
        """All settings that training depends on."""
        training = self.settings.training.model_dump(exclude={"adversarial"})
        if training["precision"] == "fp32":
            del training["precision"]  # checkpoints of earlier versions have no other
        if self.inner_attack is not None:
            training["adversarial"] = {
                **self.settings.training.adversarial.model_dump(),
                "attack_params": self.inner_attack.identity,
                "attack_source": self.inner_attack.source,
            }
            if weights := self.inner_attack.weights:
                training["adversarial"]["attack_weights"] = weights
        return training

    def regime(self) -> Regime:
        """Return the regime: which images training sees."""
        if self.inner_attack is None:
            return CleanRegime()
        chosen = self.settings.training.adversarial
        return AdversarialRegime(
            self.inner_attack.attack, chosen.epsilon * PIXEL, chosen.prior_natural, chosen.prior_adversarial
        )

    @cached_property
    def versions(self) -> dict[str, int | str | None]:
        """Versions of the code that trained weights depend on, and the digest of a recipe's plugin file."""
        recipe = None
        if self.model.fitted_by != "none":
            recipe = registry.resolve("recipes", self.model.fitted_by)
        return {
            "dataset_version": self.training_data.dataset.version,
            "model_version": self.model.version,
            "recipe_version": version_of(recipe),
            "recipe_source": recipe and registry.source_digest(recipe),
            "inner_attack_version": self.inner_attack.version if self.inner_attack else 1,
        }

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of the trained weights, named by all that determines them."""
        identity = {
            **self.training_data.training_identity(),
            "model": self.model.name,
            "params": self.model.start,
            "source": self.model.source,
            "training": self.training,
            "seed": self.seed,
        }
        if self.model.recipe:
            identity["recipe"] = [self.model.recipe.name, self.model.recipe.params]
        # A first version is not written, so that checkpoints from before there were versions are found.
        identity = {name: value for name, value in identity.items() if name not in self.versions}
        identity |= {name: value for name, value in self.versions.items() if value not in (1, None)}
        folder = self.results / "checkpoints" / safe_name(self.training_data.dataset.name)
        return Checkpoint(folder / f"{safe_name(self.model.name)}-{digest(identity)}.safetensors")

    def weights(self) -> str | None:
        """Return the digest of the weights; None while the model has not been trained."""
        if self.model.fitted_by == "none":
            return self._brought_weights
        card = self.checkpoint.card()
        return card["weights"] if card else None

    @cached_property
    def _brought_weights(self) -> str:
        return weights_digest(self.model.build())

    def brought(self) -> nn.Module:
        """Build the model with the weights that it brings.

        Raises:
            UserError: they are not those that its cells are keyed by.
        """
        model = self.model.build()
        if weights_digest(model) != self._brought_weights:
            why = (
                f"{self.model.weights} was changed meanwhile: run the command again"
                if self.model.weights
                else "it draws them anew, or reads a file that was changed: seed what its `__init__` draws, "
                "or run the command again"
            )
            raise UserError(f"{self.model.where}: its weights are not those that the sweep began with: {why}")
        return model

    @cached_property
    def sources(self) -> dict[str, "Job"]:
        """Jobs for the models that perturbations are found on, by attack, on the same data and seed."""
        found_on = {attack.name: attack.found_on for attack in self.attacks if attack.found_on}
        return {name: self._with(model) for name, model in found_on.items()}

    @cached_property
    def learners(self) -> dict[str, "Job"]:
        """Jobs for those of the model's defences that learn, by name: on the same data, with one seed."""
        return {
            step.name: replace(
                self._with(trainable(step, self.settings.run.image_size)), inner_attack=None, seed=0
            )
            for step in (self.model.defence.learning if self.model.defence else ())
        }

    def needed(self, *, score: bool = True) -> list["Job"]:
        """Return jobs for all models that must be trained before it is measured, or only trained.

        Those are its defences that learn, then models of its attacks and the defences of these. A task on a
        cluster is told a model by its number among them.
        """
        sources = [*self.sources.values()] if score else []
        behind = [learner for source in sources for learner in source.learners.values()]
        return [*self.learners.values(), *sources, *behind]

    def _with(self, model: PlannedModel) -> "Job":
        data = self.data.framed(model.framing)
        trained_on = self.trained_on and self.trained_on.framed(model.framing)
        return replace(self, data=data, model=model, attacks=[], trained_on=trained_on)

    def check_training_images(self, *, labelled: bool = True) -> None:
        """Check that there are labels and images enough to train with.

        Raises:
            UserError: there are no labels, fewer training images than one batch takes, or one is smaller
                than a crop.
        """
        data = self.training_data
        if labelled and not data.dataset.labelled:
            raise UserError(
                f"dataset {data.dataset.name!r} has no labels to train {self.model.name!r} with: give it its "
                f"weights with `weights` in {heading('models', self.model.name)}, train it on another "
                "dataset by `--train-on`, or take a metric that brings its own, as pyiqa:musiq and brisque do"
            )
        images, batch = len(data.training.rows), self.settings.training.batch_size
        if images < batch:
            its_own = f", or give it its weights with `weights` in {heading('models', self.model.name)}"
            raise UserError(
                f"dataset {data.dataset.name!r} has {images} training images, fewer than one batch of "
                f"{batch}, to train {self.model.name!r} with: lower `batch_size` of [training]"
                f"{its_own * labelled}"
            )
        side = self.model.framing.training_crop
        data.cache.require(data.dataset, data.training.rows.tolist(), side, "a training crop")

    def check_model(self) -> None:
        """Build the model, and rehearse with two images what the sweep does with it.

        Raises:
            UserError: it cannot be built, its weights cannot be had, or it breaks the contract; see
                `iqabench.testing.check_model`.
        """
        if self.model.full_reference:
            check_references(self)
        built = self.brought() if self.model.fitted_by == "none" else self.model.build()
        images = to_float(self.example(), "cpu")
        with located(self.model.where):
            check_stated(built, self.model)
            check_model(
                lambda: self.referenced(self.model.build_empty()),
                images,
                trained=self.model.fitted_by != "none",
                differentiated=any(
                    attack.needs_gradient and attack.can_attack(self.model) for attack in self.attacks
                ),
            )

    def check_learning(self) -> None:
        """Raise a UserError if an attack learns on training images and the model has none."""
        for learner in self.learners.values():
            if learner.weights() is None:
                learner.home.check_training_images(labelled=False)
        names = [attack.name for attack in self.attacks if attack.learns]
        if names and (self.model.full_reference or not len(self.data.training.rows)):
            reference = self.model.full_reference
            why = "a full-reference metric knows test images only" if reference else "there are none"
            raise UserError(f"{self.title}: attack {names[0]!r} learns on training images: {why}")

    def learning_images(self, most: int) -> Tensor:
        """Return training images, uint8 (M, 3, H, W), evenly spread, for an attack that learns on them."""
        rows = self.data.training.rows
        chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)
        return self.data.cache.centres(rows[chosen].tolist())

    def example(self) -> Tensor:
        """Return two test images, uint8 (2, 3, H, W), as the model itself is given them.

        They are whole ones for a full-reference metric, and a patch of each where it scores patches.
        """
        if not self.model.full_reference:
            rows = self.data.test_rows[:2].tolist()
            if patches := self.model.framing.patches:
                return torch.cat([patches.middle(self.data.cache.test_batch([row])) for row in rows])
            return self.data.cache.centres(rows)
        rows = self.data.scoring_rows[:2].tolist()
        alike = self.data.cache.shape(rows[0]) == self.data.cache.shape(rows[-1])
        return self.data.cache.test_batch(rows if alike else rows[:1] * 2)

    def referenced(self, model: nn.Module) -> nn.Module:
        """Return a full-reference metric as a function of the images alone; another model as it is."""
        return with_references(model, self.data) if self.model.full_reference else model

    def cells(self, weights: str) -> Iterator[tuple[PlannedAttack | None, list[Cell]]]:
        """Yield the cell of clean scoring (attack None), then for each attack its cells, one per epsilon.

        An attack that needs a gradient has no cells of a black box, and one that needs labels has no cells of
        images without labels. Behind a defence, an attack has cells with knowledge of the defence and cells
        without.
        """
        run = self.settings.run
        shared: dict[str, Any] = {
            **self.data.identity(),
            "limit": self.data.limit,
            "model": self.model.name,
            "variant": self.variant,
            **self._model_identity(),
            "weights": weights,
            "regime": run.regime,
            "seed": self.seed,
            # A stochastic model's draws depend on who shares its batch; another model's scores do not.
            "batch_size": self.batch_size if self.model.stochastic else None,
            "trained_on": self.trained_on.dataset.name if self.trained_on else None,
        }
        yield None, [Cell(**shared, attack="none", attack_params={}, attack_source=None, epsilon=0.0)]
        for attack, knowledge in self._attacks():
            mine: dict[str, Any] = {
                "attack": attack.name,
                "attack_params": attack.identity | self._source_identity(attack),
                "attack_version": attack.version,
                "attack_source": attack.source,
                "source_weights": self.sources[attack.name].weights() if attack.found_on else attack.weights,
                "knowledge": knowledge,
                "precision": None if run.precision == "fp32" else run.precision,
            }
            if attack.depends_on_batch:
                mine["batch_size"] = self.batch_size
            epsilons = sorted({float(epsilon) for epsilon in run.epsilons if epsilon > 0})
            yield (
                attack,
                [
                    Cell(
                        **{**shared, **mine},
                        epsilon=epsilon,
                        smaller_epsilons=tuple(epsilons[:place]) if attack.nested else (),
                    )
                    for place, epsilon in enumerate(epsilons)
                ],
            )

    def _model_identity(self) -> dict[str, Any]:
        """Return what of the model its scores depend on besides its weights: parameters, code and defence."""
        learnt = {name: learner.weights() for name, learner in self.learners.items()}
        references = {"references": self.data.references.digest} if self.model.full_reference else {}
        if references and self.model.defence:
            references["references_of"] = "images before the defence"
        return {
            "model_params": self.model.architecture() | references,
            "model_version": self.model.version,
            "model_source": self.model.source,
            "defence": self.model.defence.identity(learnt) if self.model.defence else None,
        }

    def _source_identity(self, attack: PlannedAttack) -> dict[str, Any]:
        """Return the same of the model that an attack's perturbations are found on, if it has one.

        That is given the images of the attacked model, and may take patches of them.
        """
        if not attack.found_on:
            return {}
        source = self.sources[attack.name]
        framing = source.model.framing
        patches = {"pixels": framing.text} if framing.patches else {}
        return {"source_model": source._model_identity() | patches}

    def clean_cell(self) -> Cell:
        """Return the cell of the images as they are."""
        _, (cell,) = next(self.cells(self.weights() or ""))
        return cell

    def _attacks(self) -> Iterator[tuple[PlannedAttack, str | None]]:
        """Yield each attack as it is run against the model, and what it knows of the defence."""
        left_out = {*self.impossible, *self.bound_to_labels}
        for attack in self.attacks:
            if attack.name not in left_out:
                yield attack.against(self.model), ADAPTIVE if self.model.defence else None
                if self.model.defence:
                    yield attack.against(replace(self.model, defence=None)), STATIC
