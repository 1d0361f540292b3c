"""CPRL: channels are kept or suppressed by their rank, before the regular activation (Section 4)."""

import math
from typing import Annotated, Any, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor, nn

from ..bench.errors import UserError
from .resnet import ResNet
from .surgery import replace_last_activation, stages

Reading = Literal["literal", "suppress_top", "keep_top", "argsort", "suppress_middle"]
Sites = Literal["last_block_of_each_stage", "every_block"] | tuple[int, ...]

# The mask's value far from its cut, and the ends of the order that the cut separates from there.
_FAR_FROM_CUT: dict[Reading, tuple[float, tuple[str, ...]]] = {
    "literal": (1.0, ("smallest",)),
    "suppress_top": (1.0, ("largest",)),
    "keep_top": (0.0, ("largest",)),
    "suppress_middle": (0.0, ("smallest", "largest")),
}


class CPRL(ResNet):
    """Causal perception inspired representation learning: a ResNet with channel activations.

    Wang and Yuan, Causal Perception Inspired Representation Learning for Trustworthy Image Quality
    Assessment. A `ChannelActivation` takes the place of the ReLU that ends each chosen block, so that all
    that follows sees f(x) * M only (Eq. 6); the shortcut would bypass a mask inside a residual block.

    Args:
        backbone: Name of a timm model made of stages of residual blocks.
        backbone_args: Arguments passed to timm for it.
        pretrained: Start from timm's ImageNet weights.
        weights_file: Start from this `.safetensors` file instead.
        b: Bias of the mask (Eq. 7), in [0, 0.5]: which share of the channels is active.
        reading: How Eq. 7 is read; see `soft_rank_mask`.
        sites: Which blocks carry the mask: the last block of the stages with these numbers, counted from 1,
            `"last_block_of_each_stage"` or `"every_block"`.
    """

    def __init__(
        self,
        backbone: str = "resnet50",
        backbone_args: dict[str, Any] | None = None,
        pretrained: bool = False,
        weights_file: str | None = None,
        b: Annotated[float, Field(ge=0, le=0.5)] = 0.4,
        reading: Reading = "keep_top",
        sites: Sites = (3, 4),
    ) -> None:
        super().__init__(backbone, backbone_args, pretrained, weights_file)
        for block in _chosen_blocks(self.backbone, sites):
            replace_last_activation(block, lambda: ChannelActivation(b, reading))

    def channel_activations(self) -> list["ChannelActivation"]:
        """The channel activations, in the order of the forward pass."""
        return [module for module in self.modules() if isinstance(module, ChannelActivation)]


class ChannelActivation(nn.Module):
    """The mask, then the regular activation: ReLU(f * M) (Eq. 6).

    Args:
        b: Bias of the mask, in [0, 0.5].
        reading: How Eq. 7 is read.
    """

    def __init__(self, b: float, reading: Reading = "keep_top") -> None:
        super().__init__()
        self.b = b
        self.reading: Reading = reading

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, K, H, W) or (N, K) to the same shape."""
        return torch.relu(features * soft_rank_mask(features, self.b, self.reading))


def soft_rank_mask(features: Tensor, b: float, reading: Reading = "keep_top") -> Tensor:
    """M = sigmoid(sort(f) - K/2 + bK), over the K channels of each position (Eq. 7).

    Ranks count from 0, the smallest when ascending, to K - 1. Of equal features the one with the lower
    channel index counts as the smaller; a descending rank is K - 1 minus the ascending one. The paper does
    not say what `sort` is and contradicts itself on the sign of b, so there are five readings:

    - `literal`: ascending rank, as printed. The (0.5 + b) K largest are active.
    - `suppress_top`: descending rank, as printed. All but the (0.5 - b) K largest are active.
    - `keep_top`: ascending rank, the sign of b flipped. The (0.5 - b) K largest are active.
    - `argsort`: not the rank of a channel but the index of the channel that sorting puts in its place.
    - `suppress_middle`: `keep_top` of f and of -f together. The (0.5 - b) K largest and as many smallest are
      active.

    Args:
        features: (N, K, H, W) or (N, K), floating point.
        b: In [0, 0.5].
        reading: One of the five.

    Returns:
        The shape of `features`, in [0, 1]. It carries no gradient: ranks are piecewise constant.

    Raises:
        ValueError: `b` or `reading` is not one of these.
    """
    if not 0 <= b <= 0.5:
        raise ValueError(f"b must be in [0, 0.5], got {b}")
    if reading not in get_args(Reading):
        raise ValueError(f"reading must be one of {', '.join(get_args(Reading))}, got {reading!r}")
    channels = features.shape[1]
    keys = _keys_without_ties(features.detach().movedim(1, -1))

    def mask_at(rank: Tensor) -> Tensor:
        return _mask_at(rank, channels, b, reading).to(features.dtype)

    if reading == "argsort":
        every_index = torch.arange(channels, device=features.device)
        return mask_at(every_index)[keys.argsort(dim=-1)].movedim(-1, 1)

    # Away from its cut the sigmoid is 0 or 1 to the last digit, so not the whole order has to be known: only
    # the end that the cut separates, and some ranks more.
    far, ends = _FAR_FROM_CUT[reading]
    saturation = math.ceil(-math.log(torch.finfo(features.dtype).eps)) + 1
    reach = min(channels, math.ceil((0.5 - b) * channels) + saturation)
    mask = features.new_full(keys.shape, far)
    from_end = torch.arange(reach, device=features.device)
    for end in ends:
        found = keys.topk(reach, largest=end == "largest").indices
        rank = channels - 1 - from_end if end == "largest" else from_end
        mask.scatter_(-1, found, mask_at(rank).expand_as(found))
    return mask.movedim(-1, 1)


def _mask_at(rank: Tensor, channels: int, b: float, reading: Reading) -> Tensor:
    ascending = rank.double()
    descending = channels - 1 - ascending
    half, shift = channels / 2, b * channels
    match reading:
        case "literal" | "argsort":
            return torch.sigmoid(ascending - half + shift)
        case "suppress_top":
            return torch.sigmoid(descending - half + shift)
        case "keep_top":
            return torch.sigmoid(ascending - half - shift)
        case "suppress_middle":
            return torch.sigmoid(ascending - half - shift) + torch.sigmoid(descending - half - shift)


def _keys_without_ties(rows: Tensor) -> Tensor:
    # Integers in the order of the features, and of equal features by index: topk leaves no choice then.
    if rows.dtype == torch.float64:
        return rows.argsort(dim=-1, stable=True).argsort(dim=-1)
    # A float's bits are in its order as an integer once those of negative floats are flipped; -0 + 0 is 0.
    bits = (rows.float() + 0.0).contiguous().view(torch.int32)
    keys = bits.bitwise_xor_((bits >> 31).bitwise_and_(0x7FFFFFFF)).long()
    return keys.bitwise_left_shift_(32).bitwise_or_(torch.arange(rows.shape[-1], device=rows.device))


def _chosen_blocks(backbone: nn.Module, sites: Sites) -> list[nn.Module]:
    blocks = [list(stage.blocks) for stage in stages(backbone)]
    if sites == "every_block":
        return [block for stage in blocks for block in stage]
    if sites == "last_block_of_each_stage":
        return [stage[-1] for stage in blocks]
    wrong = [number for number in sites if not 1 <= int(number) <= len(blocks)]
    if wrong or not sites:
        raise UserError(
            f"cprl: sites = {list(sites)}: accepted are 'last_block_of_each_stage', 'every_block' and "
            f"numbers of the backbone's stages, 1 to {len(blocks)}"
        )
    return [blocks[int(number) - 1][-1] for number in sorted(set(sites))]
