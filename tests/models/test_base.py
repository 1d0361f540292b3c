import torch
from torch import Tensor

from iqabench.models.base import IQAModel


class FirstPixel(IQAModel):
    def score(self, normalised: Tensor) -> Tensor:
        return normalised[:, 0, 0, 0]


def test_images_are_normalised_by_imagenet_statistics_unless_told_otherwise() -> None:
    white = torch.ones(1, 3, 2, 2)
    torch.testing.assert_close(FirstPixel()(white), torch.tensor([(1 - 0.485) / 0.229]))
    other = FirstPixel(mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 0.5))
    torch.testing.assert_close(other(white), torch.tensor([2.0]))


def test_normalisation_is_no_part_of_the_weights() -> None:
    assert FirstPixel().state_dict() == {}
