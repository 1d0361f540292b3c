"""The worst case as images: the score that was chosen inside each interval, reached and scored again."""

import numpy as np
import torch
from torch import Tensor, nn

from ....attacks.tools.balls import ball_around
from ....attacks.tools.bisection import realise
from ....models.adapted.blackbox import queries_of
from ...core.interrupts import finishing, stop_if_asked
from ...statistics.intervals import attainable, reflected
from ...statistics.metrics import srocc
from ...statistics.worst_case import worst_case_srocc
from ...training.precision import tf32_where
from ...training.random_numbers import seed_all, seed_of
from .data import TestData
from .partial import Found
from .scoring import MeanOfDraws, draws_for, mean_scores
from .search import Search

COARSEST, FINEST = 1e-4, 1e-6  # how close to the wanted score an image is sought


@tf32_where("fp32")
@finishing("the batch")
def realise_worst_case(search: Search, data: TestData, partial: Found, *, batch_size: int) -> None:
    """Find images for the worst case of every epsilon, and put their scores into the column `worst`.

    The scores of a model with jumps may miss the chosen values. Then the images that came closest may rank
    better than other known images: those of the reflected ends, and the worst case of a smaller epsilon. The
    set of images with the lowest SROCC counts. For a random model, means over fresh draws, which the seed
    determines, are compared with the chosen score, within their standard error, and the images found are
    scored by further draws.

    The ends of the interval attack are in `partial`, where scores and diagnostics go.
    """
    partial.check_ends()
    model, device = search.model, search.device
    few = data.few_images(device)
    draws, kind = draws_for(model, few), _type_of_scores(model, few)
    smaller: np.ndarray | None = None
    for index, epsilon in enumerate(search.epsilons):
        asked = queries_of(model)
        clean, low, high = (partial.columns[column][index] for column in ("score", "low", "high"))
        scored = np.isfinite(clean) & np.isfinite(low) & np.isfinite(high)
        wanted, worst, error = (np.full(len(scored), np.nan) for _ in range(3))
        if not scored.any():
            partial.put(index, 0, {"worst": worst.tolist()})
            continue
        low, high = attainable(clean, low, high)
        wanted[scored] = worst_case_srocc(data.quality[scored], low[scored], high[scored]).scores
        unit = _unit(wanted[scored], kind)
        tolerance = _tolerance(wanted[scored], unit)
        for batch in data.batches(batch_size):
            start = batch.start
            images = data.images(batch, device)
            low_images, high_images = _ordered_ends(images, partial, index, start)
            ball = ball_around(images, epsilon, search.norm)
            close = np.maximum(tolerance, _standard_error(partial, index, batch))
            target, within, *reached = (
                torch.tensor(values, dtype=kind, device=device)
                for values in (wanted[batch], close, low[batch], high[batch])
            )
            steady = model if draws == 1 else MeanOfDraws(model, draws)
            seed_all(seed_of(search.seed, start, 2))
            between = ball.project(low_images), ball.project(high_images)
            found = realise(steady, *between, target, within, end_scores=(reached[0], reached[1])).images
            found = ball.eight_bit(found) if getattr(search.attack, "eight_bit", False) else found
            search.checked(images, found, epsilon)
            seed_all(seed_of(search.seed, start, 3))
            worst[batch], error[batch] = mean_scores(model, found, draws)
            stop_if_asked()
        worst[~scored] = np.nan
        missed = np.abs(worst - wanted)
        share = float((missed <= np.maximum(COARSEST * unit, 2 * error))[scored].mean())
        by = {"choice": worst, "reflected ends": reflected(data.quality, low, high)}
        by |= {} if smaller is None else {"smaller epsilon": smaller}
        ranked = {kind: srocc(data.quality[scored], values[scored]) for kind, values in by.items()}
        best = min(by, key=lambda kind: np.nan_to_num(ranked[kind], nan=np.inf))
        smaller = by[best]
        partial.put(index, 0, {"worst": smaller.tolist()})
        partial.worst[index] = {"realised": round(share, 6), "worst_by": best}
        if (now := queries_of(model)) > asked:
            partial.worst[index]["queries"] = now - asked


def _ordered_ends(images: Tensor, partial: Found, index: int, start: int) -> tuple[Tensor, Tensor]:
    """Return images at the low and the high ends, the clean one where its score is beyond them."""
    low_images, high_images = partial.ends.get(index, start, images)
    batch = slice(start, start + len(images))
    clean, low, high = (partial.columns[column][index, batch] for column in ("score", "low", "high"))
    below, above = (torch.from_numpy(mask).to(images.device) for mask in (clean < low, clean > high))
    return (
        torch.where(below.view(-1, 1, 1, 1), images, low_images),
        torch.where(above.view(-1, 1, 1, 1), images, high_images),
    )


def _standard_error(partial: Found, index: int, batch: slice) -> np.ndarray | float:
    """Return the larger standard error of the two ends of each interval; 0 where a model is not random."""
    if "low_se" not in partial.columns:
        return 0.0
    low, high = (partial.columns[name][index, batch] for name in ("low_se", "high_se"))
    larger: np.ndarray = np.maximum(low, high)
    return larger


def _type_of_scores(model: nn.Module, images: Tensor) -> torch.dtype:
    """Return float64 for a model that gives such scores, as one on a scale without bounds; else float32."""
    with torch.inference_mode():
        return torch.promote_types(model(images[:1]).dtype, images.dtype)


def _unit(scores: np.ndarray, kind: torch.dtype) -> float:
    """Return what tolerances are shares of: 1, or the range of scores in float64, which may be narrow."""
    return min(1.0, float(np.ptp(scores)) or 1.0) if kind == torch.float64 else 1.0


def _tolerance(scores: np.ndarray, unit: float) -> float:
    """Return a distance small enough for the order of the chosen scores, as far as their type can tell."""
    gaps = np.diff(np.unique(scores))
    return unit * float(np.clip(gaps.min() / unit / 3, FINEST, COARSEST)) if len(gaps) else COARSEST * unit
