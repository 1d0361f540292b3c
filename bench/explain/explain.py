"""Explain what an attack does to one image and inside two models, and keep the numbers in the store."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from ...attacks.fgsm import FGSM
from ...attacks.tools.balls import displaced
from ..core.config import Settings
from ..core.configuration.values import ALL, PIXEL
from ..core.errors import UserError
from ..core.text import listing
from ..store.explanation import ExplainedModel, Explanation, explanation_folder, write_explanation
from ..sweep.job import Job
from ..sweep.machine import choose_device, versions
from ..sweep.runner import trained_models
from ..training.precision import tf32_where
from .activations import comparable, stage_activations
from .image import choose_image, picture
from .landscape import landscape, random_direction
from .probe import Probe


@tf32_where("fp32")
def explain(settings: Settings, results: Path, *, image: str | None = None, show: bool = True) -> Explanation:
    """Attack one image of a dataset with FGSM and record how two models score it.

    The explanation replaces an earlier one of the same model and dataset in the store.

    Args:
        settings: `[run]` holds one dataset, the model to explain and the one to compare it with, the attack
            `fgsm` and one epsilon. Of several seeds the first is taken.
        results: The store's folder. Models without weights are trained there, as `run` does.
        image: Path of an image as in the dataset's table, the end of such a path, or the number of a test
            image, counted from 0. Default: the one whose score FGSM moves by the median over the test images
            (of at most 100, spread evenly).
        show: Whether to show progress on standard error.

    Raises:
        UserError: the settings are not like this, there is no such image, or something is wrong with
            configuration, data or weights.
    """
    settings = _for_two_models(settings)
    (epsilon,) = settings.run.epsilons
    found: dict[str, tuple[Job, Probe]] = {}
    for job, model in trained_models(settings, results, show=show, before=partial(_check_pair, [])):
        found.setdefault(job.model.name, (job, _probe(job, model)))
    pair = [found[name] for name in settings.run.models]
    data, probes = pair[0][0].data, [probe for _, probe in pair]
    chosen = choose_image(probes, data, image, epsilon, choose_device(settings.run.device))
    models = [
        _explained(job, probe, chosen.pixels, chosen.label, epsilon, median)
        for (job, probe), median in zip(pair, chosen.median_moves, strict=True)
    ]
    mine, others = comparable([model.stages for model in models])
    explanation = Explanation(
        dataset=data.dataset.name,
        stand_in=data.dataset.stand_in,
        image=chosen.image,
        epsilon=epsilon,
        models=(replace(models[0], stages=mine), replace(models[1], stages=others)),
        command=settings.command,
        versions=versions(),
    )
    write_explanation(explanation, explanation_folder(results, explanation.dataset, probes[0].name))
    return explanation


def _check_pair(seen: list[Job], job: Job) -> None:
    """See, before anything is trained, that a model can be explained beside those that were seen before."""
    seen.append(job)
    if job.model.black_box:
        raise UserError(f"explain follows gradients, and {job.model.name!r} is a black box, which shows none")
    if job.data.cache.framing != seen[0].data.cache.framing:
        names = listing([repr(one.model.name) for one in (seen[0], job)])
        raise UserError(
            f"explain shows what two models make of the same pixels, and {names} are given others: see "
            "`pixels` in their tables"
        )


def _for_two_models(settings: Settings) -> Settings:
    run = settings.run
    if ALL in (*run.datasets, *run.models) or len(run.datasets) != 1:
        raise UserError("explain takes one dataset and two models by their names, not 'all'")
    if len(set(run.models)) != 2:
        raise UserError(f"--beside {run.models[-1]}: that is the model itself; name another to compare with")
    if not run.epsilons[0] > 0:
        raise UserError(f"--epsilon {run.epsilons[0]:g}: must be above 0, in units of 1/255")
    return settings.model_copy(update={"run": run.model_copy(update={"seed": run.seed[:1]})})


def _probe(job: Job, model: nn.Module) -> Probe:
    samples = [planned.attack.eot_samples for planned in job.attacks if isinstance(planned.attack, FGSM)]
    return Probe(job.model.name, model, job.model.stochastic, max(samples, default=1), job.batch_size)


def _explained(
    job: Job, probe: Probe, pixels: Tensor, label: Tensor, epsilon: float, median_move: float
) -> ExplainedModel:
    along = probe.fgsm_direction(pixels, label)
    adversarial = displaced(pixels, along, epsilon * PIXEL)
    return ExplainedModel(
        name=probe.name,
        variant=job.variant,
        parameters=job.model.architecture(),
        weights=job.weights() or "",
        regime=job.settings.run.regime,
        seed=job.seed,
        stochastic=probe.stochastic,
        clean=float(probe.scores(pixels)[0]),
        attacked=float(probe.scores(adversarial)[0]),
        median_move=median_move,
        adversarial=picture(adversarial),
        landscape=landscape(probe, pixels, along, random_direction(along, job.seed), epsilon),
        stages=stage_activations(probe, pixels, adversarial),
    )
