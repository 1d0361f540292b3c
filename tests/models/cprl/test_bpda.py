import math
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from iqabench.models.cprl.bpda import bpda_mask
from iqabench.models.cprl.fast_mask import soft_rank_mask
from iqabench.models.cprl.mask import Reading, mask_by_definition

READINGS = get_args(Reading)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def feature_at_the_cut(values: np.ndarray, b: float, reading: str) -> float:
    """Return the feature, of channels with a mask of 1/2 or more, that is nearest to those with less."""
    mask = mask_by_definition(torch.from_numpy(values)[None], b, reading)[0].numpy()
    active = values[mask >= 0.5]
    return float(active.max() if reading == "suppress_top" else active.min())


def soft_mask_by_definition(values: np.ndarray, total: float, tau: float) -> np.ndarray:
    """sigmoid((f - theta) / tau), theta found by bisection so that the sum over channels is `total`."""
    low, high = values.min() - 100 * tau, values.max() + 100 * tau
    for _ in range(200):
        theta = (low + high) / 2
        too_many = sum(sigmoid((value - theta) / tau) for value in values) > total
        low, high = (theta, high) if too_many else (low, theta)
    return np.array([sigmoid((value - theta) / tau) for value in values])


@pytest.mark.parametrize(("reading", "slope"), [("literal", 1), ("suppress_top", -1), ("keep_top", 1)])
@pytest.mark.parametrize("b", [0.1, 0.4])
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_gradient_agrees_with_finite_differences_of_a_plain_loop(
    reading: Reading, slope: int, b: float, temperature: float
) -> None:
    randomness = np.random.default_rng(0)
    values, upstream = randomness.normal(size=(2, 20))
    tau = temperature * values.std()
    theta = feature_at_the_cut(values, b, reading)
    total = sum(sigmoid((value - theta) / tau) for value in values)

    def objective(values: np.ndarray) -> float:
        return slope * float(upstream @ soft_mask_by_definition(values, total, tau))

    steps = 1e-5 * np.eye(len(values))
    expected = [(objective(values + step) - objective(values - step)) / 2e-5 for step in steps]
    gradient = bpda_gradient(torch.from_numpy(values)[None], upstream, b, reading, temperature)
    np.testing.assert_allclose(gradient[0], expected, rtol=1e-5, atol=1e-8)


def bpda_gradient(
    features: Tensor, upstream: np.ndarray | Tensor, b: float, reading: Reading, temperature: float = 0.1
) -> Tensor:
    features = features.clone().requires_grad_()
    masked = bpda_mask(features, b, reading, temperature) * torch.as_tensor(upstream)
    (gradient,) = torch.autograd.grad(masked.sum(), features)
    return gradient


def test_the_gradient_points_where_that_of_soft_ranks_does() -> None:
    # Soft ranks by the plain O(K^2) sum; their sigmoid as steep in ranks as the soft mask is in features.
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 256, generator=generator, dtype=torch.float64).requires_grad_()
    upstream = torch.randn(1, 256, generator=generator, dtype=torch.float64)
    tau = 0.1 * features.detach().std()
    ranks = torch.sigmoid((features.unsqueeze(2) - features.unsqueeze(1)) / tau).sum(2) - 0.5
    cut = 128 + 0.3 * 256
    theta = features.detach().sort().values[0, math.ceil(cut)]
    near = torch.sigmoid((features.detach() - theta) / tau)
    soft = torch.sigmoid((ranks - cut) / (near * (1 - near)).sum())
    (of_soft_ranks,) = torch.autograd.grad((soft * upstream).sum(), features)
    gradient = bpda_gradient(features.detach(), upstream, 0.3, "keep_top")
    assert torch.cosine_similarity(gradient, of_soft_ranks).item() > 0.95


def test_the_gradient_of_both_ends_is_the_sum_of_those_of_either() -> None:
    features, upstream = torch.randn(2, 3, 50, 2, 2, dtype=torch.float64)
    top = bpda_gradient(features, upstream, 0.3, "keep_top")
    bottom = -bpda_gradient(-features, upstream, 0.3, "keep_top")
    both = bpda_gradient(features, upstream, 0.3, "suppress_middle")
    torch.testing.assert_close(both, top + bottom)


def soft_order_by_plain_loop(values: np.ndarray, mask: np.ndarray, tau: float) -> np.ndarray:
    places = np.sort(values)
    weights = [[math.exp(-abs(here - there) / tau) for there in places] for here in places]
    return np.array([np.dot(row, mask) / sum(row) for row in weights])


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_gradient_of_argsort_agrees_with_finite_differences_of_a_plain_loop(temperature: float) -> None:
    values, upstream = np.random.default_rng(0).normal(size=(2, 20))
    tau = temperature * values.std()
    mask = mask_by_definition(torch.from_numpy(values)[None], 0.2, "argsort")[0].numpy()

    def objective(values: np.ndarray) -> float:
        return float(upstream @ soft_order_by_plain_loop(values, mask, tau))

    steps = 1e-6 * np.eye(len(values))
    expected = [(objective(values + step) - objective(values - step)) / 2e-6 for step in steps]
    gradient = bpda_gradient(torch.from_numpy(values)[None], upstream, 0.2, "argsort", temperature)
    np.testing.assert_allclose(gradient[0], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_bpda_mask_has_the_values_of_the_mask(reading: Reading, dtype: torch.dtype) -> None:
    features = torch.randn(2, 60, 4, 3).to(dtype).requires_grad_()
    mask = bpda_mask(features, 0.3, reading)
    assert torch.equal(mask, soft_rank_mask(features, 0.3, reading))
    (gradient,) = torch.autograd.grad(mask.float().square().sum(), features)
    assert gradient.dtype == dtype
    assert gradient.isfinite().all()


@pytest.mark.parametrize("b", [0.0, 0.5])
@pytest.mark.parametrize("reading", READINGS)
def test_the_gradient_is_finite_at_the_ends_of_b_and_for_equal_features(reading: Reading, b: float) -> None:
    features = torch.stack([torch.randn(12), torch.full((12,), 0.7), torch.zeros(12)])
    gradient = bpda_gradient(features, torch.randn(3, 12), b, reading)
    assert gradient.isfinite().all()
    assert not gradient[1:].any()


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        bpda_mask(torch.randn(1, 4), 0.4, "keep_top", temperature)
