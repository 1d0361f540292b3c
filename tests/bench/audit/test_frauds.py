"""Each planted fraud is flagged by the audit, and by an indicator that tells what is wrong with it."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from iqabench.bench.audit.audit import audit


class Fraud(nn.Module):
    """A model around an honest one."""

    def __init__(self, honest, data):
        super().__init__()
        self.honest = honest
        self.known, self.answers = data


class Detached(Fraud):
    def forward(self, images):
        return torch.sigmoid(self.honest.head(self.honest.features(images).mean((2, 3)).detach())).squeeze(1)


class DetachedButForCrumbs(Fraud):
    def forward(self, images):
        return self.honest(images).detach() + 1e-9 * images.mean((1, 2, 3))


class WithoutGradient(Fraud):
    def forward(self, images):
        with torch.no_grad():
            return self.honest(images)


class Quantised(Fraud):
    levels = 20

    def forward(self, images):
        return (self.honest(images) * self.levels).round() / self.levels


class FinelyQuantised(Quantised):
    levels = 200


class Saturated(Fraud):
    def forward(self, images):
        return torch.sigmoid(1000 * self.honest.logits(images))


class InputRounded(Fraud):
    levels = 255

    def forward(self, images):
        return self.honest((images * self.levels).round() / self.levels)


class InputRoundedCoarsely(InputRounded):
    levels = 15


class RandomResize(Fraud):
    def forward(self, images):
        size = int(torch.randint(18, 24, ()))
        return self.honest(F.interpolate(images, size, mode="bilinear", align_corners=False))


class RandomNoise(Fraud):
    def forward(self, images):
        return self.honest(images + 0.1 * torch.randn_like(images))


class NoiseForGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, images):
        return images.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.norm() * torch.randn_like(gradient)


class Flip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, images):
        return images.clone()

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class MostlyHidden(torch.autograd.Function):
    @staticmethod
    def forward(ctx, images):
        return images.clone()

    @staticmethod
    def backward(ctx, gradient):
        shown = torch.zeros_like(gradient)
        shown[:, :, :4, :4] = gradient[:, :, :4, :4]
        return shown


class GradientOfNoise(Fraud):
    def forward(self, images):
        return self.honest(NoiseForGradient.apply(images))


class GradientFlipped(Fraud):
    def forward(self, images):
        return self.honest(Flip.apply(images))


class GradientOfACorner(Fraud):
    def forward(self, images):
        return self.honest(MostlyHidden.apply(images))


class GradientOfAnother(Fraud):
    def forward(self, images):
        shown = torch.sigmoid(images[:, 0].std((1, 2)) - images[:, 1].mean((1, 2)))
        return self.honest(images).detach() + shown - shown.detach()


class NanGradient(Fraud):
    def forward(self, images):
        zero = (images - images.detach()).abs().sum((1, 2, 3))
        return self.honest(images) + zero.sqrt() * 0


class BatchStatistics(Fraud):
    def forward(self, images):
        self.honest.train()
        scores = self.honest(images)
        self.honest.eval()
        return scores


class BatchStandardised(Fraud):
    def forward(self, images):
        logits = self.honest.logits(images)
        return torch.sigmoid(logits - 0.1 * logits.mean())


class RemembersExactly(Fraud):
    def forward(self, images):
        scores = self.honest(images)
        same = (images.detach()[:, None] == self.known).flatten(2).all(2)
        found = same.any(1)
        return torch.where(found, self.answers[same.int().argmax(1)], 0.5 * scores)


class RemembersNearby(Fraud):
    radius = 0.04

    def answered(self, images, distance):
        near, which = distance.min(1)
        return torch.where(near <= self.radius, self.answers[which], self.honest(images))

    def forward(self, images):
        return self.answered(images, (images.detach()[:, None] - self.known).abs().flatten(2).amax(2))


class RemembersNearbyAndMoves(RemembersNearby):
    def answered(self, images, distance):
        near, which = distance.min(1)
        scores = self.honest(images)
        return torch.where(near <= self.radius, self.answers[which] + 0.02 * scores, scores)


class RemembersSmoothly(Fraud):
    """Its scores have no jump and its gradient is true: it is as robust as it seems, on these images only."""

    def forward(self, images):
        distance = (images[:, None] - self.known).square().flatten(2).mean(2)
        near = torch.exp(-distance / 0.05**2)
        shares = near / near.sum(1, keepdim=True).clamp(min=1e-12)
        known = near.amax(1)
        return known * (shares * self.answers).sum(1) + (1 - known) * self.honest(images)


class RemembersNearbyAndSaysItIsRandom(RemembersNearbyAndMoves):
    stochastic = True

    def forward(self, images):
        return super().forward(images + 1e-3 * torch.randn_like(images))


class ResizedByItsHash(Fraud):
    """Resizes each image to a size that depends on its last bits."""

    def forward(self, images):
        hidden = (images.detach().double() * 1e6).sum((1, 2, 3)).long() % 6 + 18
        scores = []
        for image, size in zip(images, hidden.tolist(), strict=True):
            scores.append(self.honest(F.interpolate(image[None], size, mode="bilinear", align_corners=False)))
        return torch.cat(scores)


class KnowsEightBits(Fraud):
    def forward(self, images):
        levels = images.detach() * 255
        clean = (levels - levels.round()).abs().flatten(1).amax(1) < 1e-3
        blurred = F.avg_pool2d(images, 5, 1, 2)
        return torch.where(clean, self.honest(images), self.honest(blurred))


class ShownAnother(Fraud):
    def watched(self, images):
        return images.requires_grad

    def forward(self, images):
        if self.watched(images):
            return torch.sigmoid(self.honest.head(self.honest.features(images.flip(1)).amax((2, 3)))).squeeze(
                1
            )
        return self.honest(images)


class ShownAnotherInGradMode(ShownAnother):
    def watched(self, images):
        return torch.is_grad_enabled()


class ShownAnotherOutsideInference(ShownAnother):
    def watched(self, images):
        return not images.is_inference() and not torch.is_inference_mode_enabled()


class RunningMean(Fraud):
    def __init__(self, honest, data):
        super().__init__(honest, data)
        self.mean = 0.0

    def forward(self, images):
        scores = self.honest(images)
        self.mean = 0.9 * self.mean + 0.1 * float(scores.detach().mean())
        return scores + 0.2 * self.mean


class RemembersCalls(Fraud):
    """Answers an image that is near one it has seen with the answer it gave then."""

    def __init__(self, honest, data):
        super().__init__(honest, data)
        self.seen = {}

    def forward(self, images):
        scores = self.honest(images)
        keys = [tuple(image.detach().mul(8).round().flatten()[::97].tolist()) for image in images]
        first = [
            self.seen.setdefault(key, score.item()) for key, score in zip(keys, scores.detach(), strict=True)
        ]
        return torch.tensor(first) + 0 * scores


class HashNoise(Fraud):
    def forward(self, images):
        hidden = (images.detach().double() * 1e6).sum((1, 2, 3))
        return self.honest(images) + 0.1 * (hidden - hidden.floor()).to(images)


class FastWave(Fraud):
    def forward(self, images):
        return self.honest(images) + 0.05 * torch.sin(2e4 * images.mean((1, 2, 3)))


class NanWhenAttacked(Fraud):
    def forward(self, images):
        known = (images.detach()[:, None] == self.known).flatten(2).all(2).any(1)
        return torch.where(known, self.honest(images), torch.nan)


FRAUDS = {
    Detached: "blind gradient",
    DetachedButForCrumbs: "gradient foretells",
    WithoutGradient: "blind gradient",
    Quantised: "few distinct scores",
    FinelyQuantised: "blind gradient",
    Saturated: "few distinct scores",
    InputRounded: "blind gradient",
    InputRoundedCoarsely: "blind gradient",
    RandomResize: "passes differ",
    RandomNoise: "passes differ",
    GradientOfNoise: "gradient foretells",
    GradientFlipped: "random beats gradient",
    GradientOfACorner: "gradient sideways",
    GradientOfAnother: "gradient foretells",
    NanGradient: "blind gradient",
    BatchStatistics: "depends on neighbours",
    BatchStandardised: "depends on neighbours",
    RemembersExactly: "score jumps",
    RemembersNearby: "noise moves nothing",
    RemembersNearbyAndMoves: "score jumps",
    RemembersSmoothly: "knows the images",
    RemembersNearbyAndSaysItIsRandom: "knows the images",
    ResizedByItsHash: "score jumps",
    KnowsEightBits: "score jumps",
    ShownAnother: "another function when watched",
    ShownAnotherInGradMode: "another function when watched",
    ShownAnotherOutsideInference: "another function when watched",
    RunningMean: "keeps state",
    RemembersCalls: "keeps state",
    HashNoise: "score jumps",
    FastWave: "random beats gradient",
    NanWhenAttacked: "scores not finite",
}


@pytest.mark.parametrize("fraud", FRAUDS, ids=lambda fraud: fraud.__name__)
def test_a_fraud_is_flagged_for_what_it_is(fraud, copied, data):
    report = audit(fraud(copied, data), *data)
    assert report.verdict == "doubtful"
    assert json.dumps(report.record(), allow_nan=False)
    assert FRAUDS[fraud] in [finding.indicator for finding in report.flagged]
