"""CPRL: channels are kept or suppressed by their rank, before the regular activation (Section 4, Eq. 6)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ...bench.core.errors import UserError
from ...bench.core.parameters import LATER, Inherited
from ..base import switched
from ..resnet import ResNet
from ..surgery import Stage, replace_last_activation, stages
from .bpda import bpda_mask
from .fast_mask import soft_rank_mask
from .intervention import FC, FCInput, Kind, channel_map, intervene
from .mask import Reading
from .sharp import sharp_mask

Sites = Literal["last_block_of_each_stage", "every_block"] | tuple[int, ...]


MaskGradient = Literal["constant", "sharp", "sharp_in_training"]


class ChannelActivation(nn.Module):
    """The mask, then the regular activation: ReLU(f * M) (Eq. 6).

    Args:
        b: Bias of the mask, in [0, 0.5].
        reading: How Eq. 7 is read.
        channels: K, to make maps FC_phi and FC_xi for interventions; None: there will be none.
        printed_intervention: Take Eq. 13 as printed; see `intervene`.
        mask_gradient: See `CPRL`.
        fc: What FC_phi and FC_xi are; see `channel_map`.
        fc_input: What they map; see `intervene`.

    Attributes:
        maps: FC_phi under "sufficiency" and FC_xi under "necessity", or None.
        intervention: Kind of the intervention in force; None: no intervention.
        surrogate: Temperature of the soft mask that gradients go through (BPDA); None: `mask_gradient`.
    """

    def __init__(
        self,
        b: float,
        reading: Reading,
        channels: int | None = None,
        printed_intervention: bool = False,
        mask_gradient: MaskGradient = "constant",
        fc: FC = "linear",
        fc_input: FCInput = "features",
    ) -> None:
        super().__init__()
        self.b = b
        self.reading: Reading = reading
        self.mask_gradient: MaskGradient = mask_gradient
        self.printed_intervention = printed_intervention
        self.fc_input: FCInput = fc_input
        self.maps: nn.ModuleDict | None = None
        if channels is not None:
            self.maps = nn.ModuleDict(
                {"sufficiency": channel_map(channels, fc), "necessity": channel_map(channels, fc)}
            )
        self.intervention: Kind | None = None
        self.surrogate: float | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, K, H, W) or (N, K) to the same shape."""
        if self.surrogate is not None:
            mask = bpda_mask(features, self.b, self.reading, self.surrogate)
        elif self.mask_gradient == "sharp_in_training" or (
            self.mask_gradient == "sharp" and not self.training
        ):
            mask = sharp_mask(features, self.b, self.reading)
        else:
            mask = soft_rank_mask(features, self.b, self.reading)
        if self.intervention is None or self.maps is None:
            return torch.relu(features * mask)
        return torch.relu(
            intervene(
                features,
                mask,
                self.maps[self.intervention],
                self.intervention,
                printed=self.printed_intervention,
                fc_input=self.fc_input,
            )
        )


class CPRL(ResNet):
    """Causal perception inspired representation learning: a ResNet with channel activations.

    Wang and Yuan, Causal Perception Inspired Representation Learning for Trustworthy Image Quality
    Assessment. A `ChannelActivation` takes the place of the ReLU that ends each chosen block, so that all
    that follows sees f(x) * M only; the shortcut would bypass a mask inside a residual block.
    Algorithm 1 trains it, against interventions at all of its channel activations at once.

    Args:
        b: Bias of the mask (Eq. 7), in [0, 0.5]: which share of the channels is active.
        reading: How Eq. 7 is read; see `mask.mask_by_definition`.
        sites: Which blocks carry the mask: the last block of the stages with these numbers, counted from 1,
            `"last_block_of_each_stage"` or `"every_block"`.
        pns_weight: Weight of the PNS risk relative to the regression loss (Eq. 14; the paper gives none). At
            0 the mask is all there is: no interventions, and training is plain regression.
        printed_intervention: Take Eq. 13 as printed; see `intervene`.
        mask_gradient: The model's own gradient of the mask. `constant`: none, as ranks have almost
            everywhere. `sharp`: that of soft ranks of low temperature, which attacks see and training does
            not; see `sharp.sharp_mask`. `sharp_in_training`: training, too. Not with the reading `argsort`.
        fc: FC_phi and FC_xi (Eq. 13), `linear` or `nonlinear`; see `intervention.channel_map`.
        fc_input: What they map, all `features` or the `replaced_part` (Eq. 13); see `intervention.intervene`.
        backbone: See `BackboneModel`; made of stages of residual blocks.
    """

    recipe: ClassVar[str] = "cprl"
    surrogates: ClassVar[Mapping[str, float]] = {
        f"soft ranks {temperature}": temperature for temperature in (0.1, 0.05, 0.2, 0.5)
    }

    def __init__(
        self,
        b: Annotated[float, Field(ge=0, le=0.5)] = 0.4,
        reading: Reading = "suppress_top",
        sites: Sites = (3, 4),
        pns_weight: Annotated[float, Field(ge=0)] = 0.3,
        printed_intervention: bool = False,
        mask_gradient: MaskGradient = "constant",
        fc: Annotated[FC, LATER] = "linear",
        fc_input: Annotated[FCInput, LATER] = "features",
        **backbone: Inherited,
    ) -> None:
        if mask_gradient != "constant" and reading == "argsort":
            raise UserError(
                "cprl: mask_gradient = 'sharp' is of ranks of channels; reading = 'argsort' has none"
            )
        super().__init__(**backbone)
        self.pns_weight = pns_weight
        for block, channels in _chosen_blocks(self.backbone, sites):
            mapped = channels if pns_weight else None
            activation = ChannelActivation(
                b, reading, mapped, printed_intervention, mask_gradient, fc, fc_input
            )
            replace_last_activation(block, activation)

    def channel_activations(self) -> list[ChannelActivation]:
        """Return the channel activations, in the order of the forward pass."""
        return [module for module in self.modules() if isinstance(module, ChannelActivation)]

    def intervention_weights(self, kind: Kind) -> list[nn.Parameter]:
        """Return phi, the weights of the interventions `sufficiency`, or xi, those of `necessity`."""
        maps = [activation.maps for activation in self.channel_activations() if activation.maps]
        return [weight for by_kind in maps for weight in by_kind[kind].parameters()]

    @contextmanager
    def intervened(self, kind: Kind) -> Iterator[None]:
        """Score under an intervention at every channel activation (Eq. 13), for the time of the context.

        Raises:
            ValueError: the model was made without interventions, `pns_weight` being 0.
        """
        if not self.pns_weight:
            raise ValueError("a model with pns_weight = 0 has no interventions")
        with switched(self.channel_activations(), "intervention", kind):
            yield


def _chosen_blocks(backbone: nn.Module, sites: Sites) -> list[tuple[nn.Module, int]]:
    """Return the blocks that carry a mask, with their numbers of channels."""
    found: list[Stage] = stages(backbone)
    if sites == "every_block":
        return [(block, stage.channels) for stage in found for block in stage.blocks]
    if sites == "last_block_of_each_stage":
        return [(stage.blocks[-1], stage.channels) for stage in found]
    wrong = [number for number in sites if not 1 <= int(number) <= len(found)]
    if wrong or not sites:
        raise UserError(
            f"cprl: sites = {list(sites)}: accepted are 'last_block_of_each_stage', 'every_block' and "
            f"numbers of the backbone's stages, 1 to {len(found)}"
        )
    chosen = [found[int(number) - 1] for number in sorted(set(sites))]
    return [(stage.blocks[-1], stage.channels) for stage in chosen]
