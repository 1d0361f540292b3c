"""Each planted fraud is flagged by the audit, and by an indicator that tells what is wrong with it."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from iqabench.bench.audit.audit import audit

from .conftest import SIZE


class Fraud(nn.Module):
    """A model around an honest one."""

    def __init__(self, honest, data):
        super().__init__()
        self.honest = honest
        self.known, self.answers = data

    def resized(self, images, size):
        return self.honest(F.interpolate(images, size, mode="bilinear", align_corners=False))


def fraud(name, forward):
    """Return a fraud whose scores are those of a function of itself and the images."""
    return type(name, (Fraud,), {"forward": forward})


def through(change):
    """Return a function that gives images back, and has a backward pass that changes their gradient."""

    class Changed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, images):
            return images.clone()

        @staticmethod
        def backward(ctx, gradient):
            return change(gradient)

    return Changed.apply


of_noise = through(lambda gradient: gradient.norm() * torch.randn_like(gradient))
flipped = through(torch.neg)
of_a_corner = through(lambda gradient: F.pad(gradient[:, :, :4, :4], (0, SIZE - 4, 0, SIZE - 4)))


def pooled(self, images):
    return self.honest.features(images).mean((2, 3))


def of_another(self, images):
    shown = torch.sigmoid(images[:, 0].std((1, 2)) - images[:, 1].mean((1, 2)))
    return self.honest(images).detach() + shown - shown.detach()


def nan_gradient(self, images):
    return self.honest(images) + (images - images.detach()).abs().sum((1, 2, 3)).sqrt() * 0


def mostly_detached(self, images):
    kept = (torch.arange(SIZE * SIZE) % 5 < 2).view(SIZE, SIZE).to(images)
    return self.honest(images * kept + (images * (1 - kept)).detach())


def hashed(images):
    return (images.detach().double() * 1e6).sum((1, 2, 3))


def hash_noise(self, images):
    return self.honest(images) + 0.1 * (hashed(images) - hashed(images).floor()).to(images)


def is_known(self, images):
    return (images.detach()[:, None] == self.known).flatten(2).all(2)


SIMPLE = {
    fraud("Detached", lambda self, x: torch.sigmoid(self.honest.head(pooled(self, x).detach())).squeeze(1)):
        "blind gradient",
    fraud("DetachedButForCrumbs", lambda self, x: self.honest(x).detach() + 1e-9 * x.mean((1, 2, 3))):
        "gradient foretells",
    fraud("WithoutGradient", lambda self, x: torch.no_grad()(self.honest)(x)): "blind gradient",
    fraud("Quantised", lambda self, x: (self.honest(x) * 20).round() / 20): "few distinct scores",
    fraud("FinelyQuantised", lambda self, x: (self.honest(x) * 200).round() / 200): "blind gradient",
    fraud("Saturated", lambda self, x: torch.sigmoid(1000 * self.honest.logits(x))): "few distinct scores",
    fraud("InputRounded", lambda self, x: self.honest((x * 255).round() / 255)): "blind gradient",
    fraud("InputRoundedCoarsely", lambda self, x: self.honest((x * 15).round() / 15)): "blind gradient",
    fraud("RandomResize", lambda self, x: self.resized(x, int(torch.randint(18, 24, ())))): "passes differ",
    fraud("RandomNoise", lambda self, x: self.honest(x + 0.1 * torch.randn_like(x))): "passes differ",
    fraud("GradientOfNoise", lambda self, x: self.honest(of_noise(x))): "gradient foretells",
    fraud("GradientFlipped", lambda self, x: self.honest(flipped(x))): "random beats gradient",
    fraud("GradientOfACorner", lambda self, x: self.honest(of_a_corner(x))): "gradient sideways",
    fraud("GradientOfAnother", of_another): "gradient foretells",
    fraud("NanGradient", nan_gradient): "blind gradient",
    fraud("MostPixelsDetached", mostly_detached): "hidden pixels",
    fraud("HashNoise", hash_noise): "score jumps",
    fraud("FastWave", lambda self, x: self.honest(x) + 0.05 * torch.sin(2e4 * x.mean((1, 2, 3)))):
        "random beats gradient",
    fraud("NanWhenAttacked", lambda self, x: self.honest(x).where(is_known(self, x).any(1), torch.nan)):
        "scores not finite",
}  # fmt: skip


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
        same, scores = is_known(self, images), self.honest(images)
        return torch.where(same.any(1), self.answers[same.int().argmax(1)], 0.5 * scores)


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
        sizes = (hashed(images).long() % 6 + 18).tolist()
        return torch.cat([self.resized(image[None], size) for image, size in zip(images, sizes, strict=True)])


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
            other = self.honest.features(images.flip(1)).amax((2, 3))
            return torch.sigmoid(self.honest.head(other)).squeeze(1)
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


FRAUDS = {
    **SIMPLE,
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
}


@pytest.mark.parametrize("fraud", FRAUDS, ids=lambda fraud: fraud.__name__)
def test_a_fraud_is_flagged_for_what_it_is(fraud, copied, data):
    report = audit(fraud(copied, data), *data)
    assert report.verdict == "doubtful"
    assert json.dumps(report.record(), allow_nan=False)
    assert FRAUDS[fraud] in [finding.indicator for finding in report.flagged]
