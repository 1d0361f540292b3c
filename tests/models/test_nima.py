from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from iqabench.models.nima import earth_movers_distance, rebinned

Build = Callable[..., nn.Module]
RATINGS = np.arange(1, 11)


def distributions(count: int) -> Tensor:
    return torch.rand(count, 10, dtype=torch.float64).square().softmax(1)


def test_the_score_is_the_mean_of_ten_ratings_mapped_to_the_unit_interval(tiny_model: Build) -> None:
    model, images = tiny_model("nima"), torch.rand(3, 3, 64, 64)
    shares = model.distribution(images).detach().numpy()
    assert shares.shape == (3, 10)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    mean_rating = (shares * RATINGS).sum(1)
    np.testing.assert_allclose(model(images).detach(), (mean_rating - 1) / 9, rtol=1e-5)


@pytest.mark.parametrize(("rating", "score"), [(1, 0.0), (4, 1 / 3), (10, 1.0)])
def test_certainty_of_one_rating_gives_its_place_on_the_scale(
    tiny_model: Build, rating: int, score: float
) -> None:
    model = tiny_model("nima")
    nn.init.zeros_(model.head.weight)
    nn.init.zeros_(model.head.bias)
    with torch.no_grad():
        model.head.bias[rating - 1] = 60.0
    assert model(torch.rand(1, 3, 64, 64)).item() == pytest.approx(score)


def test_dropout_acts_in_training_only(tiny_model: Build) -> None:
    model, images = tiny_model("nima", dropout=0.5), torch.rand(2, 3, 64, 64)
    assert torch.equal(model(images), model(images))
    model.dropout.train()
    assert not torch.equal(model(images), model(images))


def test_the_earth_movers_distance_worked_by_hand() -> None:
    first, second, last = torch.eye(10)[[0]], torch.eye(10)[[1]], torch.eye(10)[[9]]
    # The cumulative distributions differ by 1 in nine of ten bins, or in one.
    distances = earth_movers_distance(torch.cat([first, first]), torch.cat([last, second]))
    assert distances.tolist() == pytest.approx([np.sqrt(9 / 10), np.sqrt(1 / 10)])


def test_the_earth_movers_distance_agrees_with_scipys_energy_distance() -> None:
    predicted, target = distributions(5), distributions(5)
    # The energy distance is sqrt(2 sum |CDF_p - CDF_q|^2).
    energy = [
        stats.energy_distance(RATINGS, RATINGS, p, q) / np.sqrt(2 * 10)
        for p, q in zip(predicted.numpy(), target.numpy(), strict=True)
    ]
    assert earth_movers_distance(predicted, target).tolist() == pytest.approx(energy)


def test_the_earth_movers_distance_has_the_gradient_of_finite_differences_and_a_finite_one_at_zero() -> None:
    target = distributions(3)
    predicted = distributions(3).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: earth_movers_distance(p, target), predicted)
    same = target.clone().requires_grad_()
    earth_movers_distance(same, target).sum().backward()
    assert torch.isfinite(same.grad).all()


def test_five_ratings_as_ten_bins_worked_by_hand() -> None:
    # Ratings 1 to 5 lie at 0, 2.25, 4.5, 6.75 and 9 of the bins 0 to 9.
    bins = rebinned(torch.tensor([[0.1, 0.4, 0.2, 0.1, 0.2]]), 10)
    expected = [0.1, 0, 0.3, 0.1, 0.1, 0.1, 0.025, 0.075, 0, 0.2]
    assert bins[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("ratings", [2, 5, 10, 100])
def test_rebinning_keeps_the_sum_and_the_mean(ratings: int) -> None:
    torch.manual_seed(0)
    shares = torch.softmax(torch.randn(6, ratings, dtype=torch.float64), dim=1)
    bins = rebinned(shares, 10)
    assert (bins >= 0).all()
    torch.testing.assert_close(bins.sum(1), torch.ones(6, dtype=torch.float64))
    scale = torch.linspace(0, 1, 10, dtype=torch.float64)
    torch.testing.assert_close(bins @ scale, shares @ torch.linspace(0, 1, ratings, dtype=torch.float64))
    if ratings == 10:
        torch.testing.assert_close(bins, shares)
