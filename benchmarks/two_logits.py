"""A quality model seen as a classifier, so that classification attacks can be run on it."""

import torch
from torch import Tensor, nn


class TwoLogits(nn.Module):
    """The two-class view of a quality model: logits [-s, s] for the classes `poor` (0) and `good` (1).

    Cross-entropy with the class of `classes(labels)` decreases strictly with the score of a good image and
    increases with that of a poor one, as the score reflection objective does. For one signed gradient step
    any strictly monotone function of the score gives the same image, so classification attacks, such as
    those of torchattacks and foolbox, here perform the score reflection attack.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [0, 1] to logits (N, 2)."""
        scores = self.model(images)
        return torch.stack([-scores, scores], dim=1)

    @staticmethod
    def classes(labels: Tensor) -> Tensor:
        """Quality (N,) in [0, 1] to classes (N,): 1 above 0.5, else 0, as the score reflection target."""
        return (labels > 0.5).long()
