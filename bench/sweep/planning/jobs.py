"""Plans the jobs of a sweep: every dataset x model x seed, for each dataset that weights come from."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...core.config import Settings
from ...core.errors import UserError
from ..job import Job
from ..plan import PlannedAttack, PlannedModel, plan_attack, plan_attacks, plan_models
from .datasets import PlannedDataset, plan_datasets


def plan_jobs(settings: Settings, results: Path) -> list[Job]:
    """Return the jobs of a sweep in the order in which they run.

    A model that brings its weights has one seed, and is not trained on another dataset. It comes before those
    that are trained, so that the first numbers are there soon. One that is used as it is built has the clean
    regime: no training of it saw an attack.
    """
    models, attacks = plan_models(settings), plan_attacks(settings)
    inner_attack = _inner_attack(settings)
    as_built = settings.model_copy(update={"run": settings.run.model_copy(update={"regime": "clean"})})
    scored, trained_on = plan_datasets(settings, results, models[0].framing)
    models = sorted(models, key=lambda model: model.fitted_by != "none")
    return [
        Job(
            data.framed(model.framing),
            model,
            attacks,
            None if _is_as_built(model) else inner_attack,
            seed,
            as_built if _is_as_built(model) else settings,
            results,
            trained_on=other and other.framed(model.framing),
        )
        for data in scored
        for model in models
        for other in _other_datasets(model, data, trained_on)
        for seed in (settings.run.seed if model.fitted_by != "none" else settings.run.seed[:1])
    ]


def _is_as_built(model: PlannedModel) -> bool:
    return model.fitted_by == "none" and model.weights is None


def _inner_attack(settings: Settings) -> PlannedAttack | None:
    """Return what training attacks with; None in the clean regime."""
    if settings.run.regime != "adversarial":
        return None
    attack = plan_attack(settings, settings.training.adversarial.attack).over_one_sample()
    if attack.found_on:
        raise UserError(
            f"[training.adversarial]: attack {attack.name!r} needs a source model, and training "
            "attacks the model that it trains: take `fgsm`, `pgd` or another"
        )
    return attack


def _other_datasets(
    model: PlannedModel, data: PlannedDataset, trained_on: Sequence[PlannedDataset]
) -> Iterator[PlannedDataset | None]:
    """Yield each dataset that the model is to be trained on; None for the one that is scored."""
    if model.fitted_by == "none" or not trained_on:
        yield None
        return
    for other in trained_on:
        yield None if other.dataset.name == data.dataset.name else other
