"""benchmarks/auto.py keeps the ends that it finds, and scores a stochastic model with a standard error."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from iqabench.benchmarks.auto import Reached, kept, mean_scores


class Search:
    """A search that counts its calls."""

    calls = 0

    def __init__(self, radii: np.ndarray) -> None:
        self.radii = radii

    def __call__(self) -> Reached:
        Search.calls += 1
        numbers = torch.from_numpy(255 * self.radii)
        return Reached(numbers[:, None].repeat(1, 3), torch.zeros(len(numbers), 3), numbers, numbers)


def test_an_end_is_taken_from_its_file_for_the_same_weights_and_epsilons_only(tmp_path: Path) -> None:
    Search.calls = 0
    one, two, four = 1 / 255, 2 / 255, 4 / 255
    file = tmp_path / "kept" / "model.npz"
    first = kept(file, "a", np.array([one, two]), Search(np.array([one, two])))
    again = kept(file, "a", np.array([two]), Search(np.array([two])))
    assert Search.calls == 1
    assert torch.equal(again.scores, first.scores[1:])
    kept(file, "b", np.array([two]), Search(np.array([two])))
    kept(file, "b", np.array([four]), Search(np.array([four])))
    kept(None, "b", np.array([four]), Search(np.array([four])))
    assert Search.calls == 4


class Noisy(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3)) + torch.randn(len(images))


def test_the_standard_error_of_a_mean_score_is_that_of_its_draws() -> None:
    torch.manual_seed(0)
    images = torch.stack([torch.full((3, 2, 2), grey) for grey in (0.2, 0.8)])
    means, errors = mean_scores(Noisy(), images, 10_000)
    assert torch.allclose(errors, torch.tensor(1 / math.sqrt(10_000)).double(), rtol=0.05)
    assert torch.allclose(means, torch.tensor([0.2, 0.8]).double(), atol=0.04)
