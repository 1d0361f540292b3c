"""The audit of a model: all indicators, on evidence that they share."""

import math

import torch
from torch import Tensor, nn

from ...attacks.base import checked_images
from ...attacks.tools.gradient import undisturbed
from ..statistics.metrics import srocc
from .evidence import Evidence
from .finding import Indicator, Report
from .gradients import blind, foretold, hidden, random_signs, sideways
from .scores import distinct, finite, jumps, neighbours, passes, remembered, state, still, watched
from .search import black_box, climbing, one_step, restarts, transferred, whole_range

FEWEST_IMAGES = 4

_MODULES = (
    passes, neighbours, watched, distinct, still, blind, foretold, sideways, hidden, random_signs, one_step,
    climbing, restarts, whole_range, black_box, transferred, jumps, remembered, state, finite,
)  # fmt: skip
INDICATORS: tuple[Indicator, ...] = tuple(module.measure for module in _MODULES)
"""The indicators in the order of the report. The last two look back on the whole audit."""


@torch.random.fork_rng()
def audit(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    stochastic: bool | None = None,
    source: nn.Module | None = None,
) -> Report:
    """Audit a model: does the robustness that attacks find of it deserve belief?

    It takes about 330 forward and 80 backward passes over the images.

    Args:
        model: Images (N, 3, H, W) in [0, 1] to scores (N,); left as it was found.
        images: (N, 3, H, W) in [0, 1], of varying quality; two dozen are enough.
        labels: (N,) quality in [0, 1].
        stochastic: Whether two passes may differ. Default: what the model says by its attribute of this name.
        source: Another model, whose perturbations are tried on this one.

    Raises:
        ValueError: Images or labels have another shape, type or range, or the images are fewer than four.
    """
    images = checked_images(images, labels, [])
    if len(images) < FEWEST_IMAGES:
        raise ValueError(f"an audit needs at least {FEWEST_IMAGES} images, got {len(images)}")
    if stochastic is None:
        stochastic = bool(getattr(model, "stochastic", False))
    torch.manual_seed(0)
    with torch.inference_mode(False), torch.no_grad(), undisturbed(model):
        evidence = Evidence(model, images, stochastic, source)
        findings = [indicator.examine(evidence) for indicator in INDICATORS]
        clean = evidence.clean.value.cpu().numpy()
    finite = all(map(math.isfinite, clean.tolist()))
    correlation = srocc(clean, labels.double().cpu().numpy()) if finite else math.nan
    return Report(findings, len(images), correlation, stochastic)
