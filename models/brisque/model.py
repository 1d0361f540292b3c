"""BRISQUE: a support vector regression of 36 features of the normalised luminance."""

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from ..base import IQAModel
from .features import brisque_features
from .svr import read_svr

FILE = Path(__file__).with_name("svm.txt")  # the weights of the package `brisque` 0.2.0, by libsvm

LOWEST = (
    0.336999, 0.019667, 0.23, -0.125959, 0.000167, 0.000616, 0.231, -0.125873, 0.000165,
    0.0006, 0.241, -0.128814, 0.000179, 0.000386, 0.243, -0.13308, 0.000182, 0.000421,
    0.436998, 0.016929, 0.247, -0.200231, 0.000104, 0.000834, 0.257, -0.200017, 0.000112,
    0.000876, 0.257, -0.155072, 0.000112, 0.000356, 0.258, -0.154374, 0.000117, 0.000351,
)  # fmt: skip
"""The smallest value of each feature in the training of the weights; it becomes -1."""

HIGHEST = (
    9.999411, 0.807472, 1.644021, 0.202917, 0.712384, 0.468672, 1.644021, 0.169548, 0.713132,
    0.467896, 1.553016, 0.101368, 0.687324, 0.533087, 1.554016, 0.101, 0.689177, 0.533133,
    3.639918, 0.800955, 1.096995, 0.175286, 0.755547, 0.39927, 1.095995, 0.155928, 0.751488,
    0.402398, 1.041992, 0.093209, 0.623516, 0.532925, 1.042992, 0.093714, 0.621958, 0.534484,
)  # fmt: skip
"""The largest value of each feature in the training of the weights; it becomes 1."""


class BRISQUE(IQAModel):
    """BRISQUE with the weights of the package `brisque` 0.2.0, fitted to LIVE's difference scores.

    Mittal, Moorthy and Bovik, No-Reference Image Quality Assessment in the Spatial Domain, IEEE TIP 2012.
    BRISQUE's own score is lower for better images, and on LIVE's scale from 0 to 100 for most; far from all
    that it was fitted to it tends to 155.8. Here the score is 1 - BRISQUE / 100, not clipped: higher is
    better, and the gradient is nowhere cut off. All is computed in float64: the regression is a difference of
    large numbers.
    """

    recipe: ClassVar[str] = "none"
    pixels: ClassVar[str] = "native"

    lowest: Tensor
    highest: Tensor
    vectors: Tensor
    coefficients: Tensor

    def __init__(self) -> None:
        super().__init__(mean=(0.0,) * 3, std=(1.0,) * 3)
        svr = read_svr(FILE, len(LOWEST))
        self.gamma, self.rho = svr.gamma, svr.rho
        self.register_buffer("lowest", torch.tensor(LOWEST, dtype=torch.float64))
        self.register_buffer("highest", torch.tensor(HIGHEST, dtype=torch.float64))
        self.register_buffer("vectors", torch.from_numpy(svr.vectors))
        self.register_buffer("coefficients", torch.from_numpy(svr.coefficients))

    def score(self, normalised: Tensor) -> Tensor:
        """Return scores (N,), 1 - BRISQUE / 100."""
        return (1 - self.brisque(normalised) / 100).to(normalised.dtype)

    def brisque(self, images: Tensor) -> Tensor:
        """Return BRISQUE's own scores (N,) in float64, lower is better, of images (N, 3, H, W) in [0, 1]."""
        features = brisque_features(images)
        scaled = 2 * (features - self.lowest) / (self.highest - self.lowest) - 1
        lengths = scaled.square().sum(1, keepdim=True) + self.vectors.square().sum(1)
        distances = lengths - 2 * scaled @ self.vectors.T
        return torch.exp(-self.gamma * distances) @ self.coefficients - self.rho
