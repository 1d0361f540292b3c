"""Record the mean activation of each channel, clean and attacked, and what a mask keeps (CPRL, Figure 5)."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from ...models.cprl import soft_rank_mask
from ...models.surgery import Stage, stages
from ..core.errors import UserError
from ..store.explanation import StageActivations
from .probe import Probe

SHARE_WITHOUT_MASK = 0.1  # of the channels is marked where neither model has a mask: CPRL's at b = 0.4


def stage_activations(probe: Probe, image: Tensor, adversarial: Tensor) -> tuple[StageActivations, ...]:
    """Return the activations of every stage for an image (1, 3, H, W) in [0, 1] and the same attacked.

    No channel is marked. There are no stages of a model without residual ones.
    """
    clean, attacked = (_observe(probe, pixels) for pixels in (image, adversarial))
    return tuple(
        StageActivations(
            stage=number,
            clean=before.activations.mean(1),
            attacked=after.activations.mean(1),
            kept_clean=None if before.mask is None else before.mask.mean(1),
            kept_attacked=None if after.mask is None else after.mask.mean(1),
            still_kept=_overlap(before.mask, after.mask),
            marked=np.zeros(len(before.activations), bool),
        )
        for number, (before, after) in enumerate(zip(clean, attacked, strict=True), start=1)
    )


def comparable(of_models: Sequence[Sequence[StageActivations]]) -> list[tuple[StageActivations, ...]]:
    """Choose the stages to show and mark channels: stages with a mask in any model; if there is none, all.

    A model without a mask has the same share of its channels marked as the mask of the other keeps.
    """
    masked: dict[int, float] = {
        stage.stage: stage.share_kept
        for model in of_models
        for stage in model
        if stage.share_kept is not None
    }
    return [
        tuple(
            stage.marking(stage.share_kept or masked.get(stage.stage, SHARE_WITHOUT_MASK))
            for stage in model
            if not masked or stage.stage in masked
        )
        for model in of_models
    ]


class _Observed(NamedTuple):
    """Activations (K, P) of a stage's output at P positions, and the mask's values there if it has one."""

    activations: np.ndarray
    mask: np.ndarray | None


def _observe(probe: Probe, image: Tensor) -> list[_Observed]:
    watched = _stages(probe.model)
    masks = [_last_mask(probe.model, stage) for stage in watched]
    with ExitStack() as stack:
        outputs = [_recorded(stage.blocks, stack) for stage in watched]
        ranked = [_recorded(mask, stack) for mask in masks]
        probe.scores(image)
    return [
        _Observed(
            _by_position([after for _, after in output]),
            _by_position([soft_rank_mask(before, mask.b, mask.reading) for before, _ in features])
            if mask is not None
            else None,
        )
        for output, mask, features in zip(outputs, masks, ranked, strict=True)
    ]


def _stages(model: nn.Module) -> list[Stage]:
    backbone = getattr(model, "backbone", None)
    if not isinstance(backbone, nn.Module) or not hasattr(backbone, "feature_info"):
        return []
    try:
        return [stage for stage in stages(backbone) if len(stage.blocks)]  # a backbone may be cut short
    except UserError:
        return []


def _last_mask(model: Any, stage: Stage) -> Any:
    """Return the channel activation that ends a stage, or None."""
    inside = set(stage.blocks.modules())
    masks = model.channel_activations() if hasattr(model, "channel_activations") else []
    return next((mask for mask in reversed(masks) if mask in inside), None)


def _recorded(module: nn.Module | None, stack: ExitStack) -> list[tuple[Tensor, Tensor]]:
    """Record input and output of each pass, of which patches take several; the stack ends it."""
    passes: list[tuple[Tensor, Tensor]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        passes.append((inputs[0].clone(), output.clone()))

    if module is not None:
        stack.enter_context(module.register_forward_hook(note))
    return passes


def _by_position(passes: Sequence[Tensor]) -> np.ndarray:
    return np.concatenate([features[0].flatten(1).double().cpu().numpy() for features in passes], axis=1)


def _overlap(before: np.ndarray | None, after: np.ndarray | None) -> float | None:
    if before is None or after is None:
        return None
    return float(np.minimum(before, after).sum() / before.sum())
