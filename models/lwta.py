"""LWTA: channels compete in blocks, one winner is sampled per block, and the losers are silent."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ..bench.core.errors import UserError
from ..bench.core.parameters import Inherited
from .base import switched
from .resnet import ResNet
from .surgery import replace_activations


class LWTA(ResNet):
    """Stochastic local winner-takes-all network: every ReLU of the backbone is a `WinnerTakesAll`.

    Panousis et al., Stochastic Local Winner-Takes-All Networks Enable Profound Adversarial Robustness, 2021.
    Scores are random in evaluation too, so an attack on the model has to average over samples, and a result
    has to state its seed and their number. Samples come from torch's global generator. The term of the
    paper's objective that pulls the winners' distribution to the uniform one is not part of the architecture.

    At a test temperature of 0.01 its own gradient is nearly noise, which hides it from attacks. It offers
    others. `expected winner`: sampled winners forward, the softmax of the pre-activations backward; at
    temperature 1 that is the winner's expectation. `detached winner`: the winners are constants.
    `mean field`: the gradient of the network in which each winner is its expectation; it is not random, and
    takes a second forward pass.

    Args:
        competitors: Channels per block, U in the paper.
        training_temperature: Temperature of the relaxed samples in training mode.
        test_temperature: Temperature of the relaxation behind the gradient in evaluation mode.
        backbone: See `BackboneModel`; with ReLUs.
    """

    version: ClassVar[int] = 2
    stochastic: ClassVar[bool] = True
    surrogates: ClassVar[Mapping[str, float]] = {
        "expected winner 1": 1.0,
        "expected winner 0.5": 0.5,
        "detached winner": math.inf,
        "mean field": 1.0,
    }

    def __init__(
        self,
        competitors: Annotated[int, Field(ge=2)] = 2,
        training_temperature: Annotated[float, Field(gt=0)] = 0.67,
        test_temperature: Annotated[float, Field(gt=0)] = 0.01,
        **backbone: Inherited,
    ) -> None:
        super().__init__(**backbone)
        replace_activations(
            self.backbone, lambda: WinnerTakesAll(competitors, training_temperature, test_temperature)
        )
        self.mean_field = False

    @contextmanager
    def backward_through(self, name: str) -> Iterator[None]:
        """See `IQAModel.backward_through`."""
        with super().backward_through(name), switched([self], "mean_field", name == "mean field"):
            yield

    def logit(self, normalised: Tensor) -> Tensor:
        """Return the logits (N,) of the scores of normalised images (N, 3, H, W)."""
        if not self.mean_field:
            return super().logit(normalised)
        with torch.no_grad():
            sampled = super().logit(normalised)
        layers = [layer for layer in self.modules() if isinstance(layer, WinnerTakesAll)]
        with switched(layers, "sampled", False):
            expected = super().logit(normalised)
        return sampled + (expected - expected.detach())


class WinnerTakesAll(nn.Module):
    """One winner per block of neighbouring channels, at each position of each image.

    A channel wins with the softmax probability of its pre-activation h within the block; it passes h on, and
    the losers give zero. In training a winner is a Gumbel-softmax sample, so that losers pass a little. In
    evaluation it is a true sample, exactly one per block; its gradient is that of the Gumbel-softmax sample
    drawn with the same noise, which at a temperature of 0.01 has almost the same value.

    Args:
        competitors: Channels per block.
        training_temperature: Temperature of the Gumbel-softmax sample in training mode.
        test_temperature: Temperature of the Gumbel-softmax sample in evaluation mode.

    Attributes:
        surrogate: Temperature of the softmax that gradients go through in evaluation mode in place of the
            relaxed sample; infinite: the winner is a constant to the gradient. None: the relaxed sample.
        sampled: Whether a winner is drawn in evaluation mode; else its expectation stands for it.
    """

    def __init__(
        self, competitors: int = 2, training_temperature: float = 0.67, test_temperature: float = 0.01
    ) -> None:
        super().__init__()
        self.competitors = competitors
        self.training_temperature = training_temperature
        self.test_temperature = test_temperature
        self.surrogate: float | None = None
        self.sampled = True

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, C, ...) to the same shape; raise UserError unless the competitors divide C."""
        channels = features.shape[1]
        if channels % self.competitors:
            raise UserError(
                f"lwta: a layer of {channels} channels cannot be split into blocks of competitors = "
                f"{self.competitors}; choose a divisor, or another backbone"
            )
        blocks = features.reshape(len(features), -1, self.competitors, *features.shape[2:])
        return (blocks * self._shares(blocks)).flatten(1, 2)

    def _shares(self, blocks: Tensor) -> Tensor:
        """Return the share that each channel of a block (N, C / U, U, ...) passes of itself."""
        if not self.training and not self.sampled:
            return F.softmax(blocks, dim=2)
        contest: Contest = ContestOfTwo(blocks) if self.competitors == 2 else Contest(blocks)
        if self.training:
            return contest.relaxed(self.training_temperature)
        winner = contest.winner()
        if not blocks.requires_grad:
            return winner
        if self.surrogate is None:
            soft = contest.relaxed(self.test_temperature)
        else:
            soft = F.softmax(blocks / self.surrogate, dim=2)
        return winner + (soft - soft.detach())


class Contest:
    """One draw of Gumbel noise for pre-activations (N, C / U, U, ...), as relaxed shares or as the winner.

    The softmax of the pre-activations over dimension 2 is the probability to win.
    """

    def __init__(self, blocks: Tensor) -> None:
        uniform = _uniform(blocks)
        uniform.clamp_min_(torch.finfo(uniform.dtype).tiny)
        self.standing = blocks - uniform.log_().neg_().log_().to(blocks.dtype)

    def relaxed(self, temperature: float) -> Tensor:
        """Return shares that add to 1 in a block: a Gumbel-softmax sample, differentiable."""
        return F.softmax(self.standing / temperature, dim=2)

    def winner(self) -> Tensor:
        """Return 1 for the winner, 0 for the losers, exactly one winner per block."""
        ahead = self.standing.argmax(2)
        return F.one_hot(ahead, self.standing.shape[2]).movedim(-1, 2).to(self.standing.dtype)


class ContestOfTwo(Contest):
    """A contest of U = 2, in a third of the time: the difference of two Gumbel variables is logistic."""

    def __init__(self, blocks: Tensor) -> None:
        uniform = _uniform(blocks[:, :, 0]).unsqueeze(2)
        logistic = uniform.logit_(torch.finfo(uniform.dtype).eps).to(blocks.dtype)
        self.lead = blocks[:, :, :1] - blocks[:, :, 1:] + logistic  # of the first over the second

    def relaxed(self, temperature: float) -> Tensor:
        """Return shares that add to 1 in a block: a Gumbel-softmax sample, differentiable."""
        first = self.lead / temperature
        return torch.sigmoid(torch.cat([first, -first], dim=2))

    def winner(self) -> Tensor:
        """Return 1 for the winner, 0 for the loser; at a lead of exactly 0 the first wins."""
        first = self.lead >= 0
        return torch.cat([first, ~first], dim=2).to(self.lead.dtype)


def _uniform(like: Tensor) -> Tensor:
    """Draw from [0, 1) in float32 or finer: the 256 steps of bfloat16 would cut off the tails of noise."""
    return torch.rand_like(like, dtype=torch.promote_types(like.dtype, torch.float32))
