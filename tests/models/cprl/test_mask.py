import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from iqabench.models.cprl import mask as soft_rank
from iqabench.models.cprl.mask import Reading, soft_rank_mask, softened_mask

READINGS = get_args(Reading)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def mask_by_plain_loop(features: Tensor, b: float, reading: str) -> Tensor:
    """Eq. 7 one position at a time, in the words of the readings."""
    flat = features.double().flatten(2) if features.ndim > 2 else features.double().unsqueeze(2)
    mask = torch.empty_like(flat)
    count = flat.shape[1]
    for image in range(flat.shape[0]):
        for position in range(flat.shape[2]):
            values = flat[image, :, position].tolist()
            sorted_channels = sorted(range(count), key=lambda channel: (values[channel], channel))
            for place, channel in enumerate(sorted_channels):
                ascending, descending = place, count - 1 - place
                kept_at_top = sigmoid(ascending - count / 2 - b * count)
                kept_at_bottom = sigmoid(descending - count / 2 - b * count)
                if reading == "argsort":
                    mask[image, place, position] = sigmoid(channel - count / 2 + b * count)
                else:
                    mask[image, channel, position] = {
                        "literal": sigmoid(ascending - count / 2 + b * count),
                        "suppress_top": sigmoid(descending - count / 2 + b * count),
                        "keep_top": kept_at_top,
                        "suppress_middle": kept_at_top + kept_at_bottom,
                    }[reading]
    return mask.view(features.shape).to(features.dtype)


# Four channels, b = 1/4, so K/2 = 2 and bK = 1: the ascending ranks of (3, 1, 4, 2) are (2, 0, 3, 1), the
# descending ones (1, 3, 0, 2), and sorting gives the channels (1, 3, 0, 2).
BY_HAND = {
    "literal": (1, -1, 2, 0),
    "suppress_top": (0, 2, -1, 1),
    "keep_top": (-1, -3, 0, -2),
    "argsort": (0, 2, -1, 1),
}


@pytest.mark.parametrize("reading", BY_HAND)
def test_the_mask_of_four_channels_worked_by_hand(reading: Reading) -> None:
    mask = soft_rank_mask(torch.tensor([[3.0, 1.0, 4.0, 2.0]]), 0.25, reading)
    value = {-3: 0.0474259, -2: 0.1192029, -1: 0.2689414, 0: 0.5, 1: 0.7310586, 2: 0.8807971}
    torch.testing.assert_close(mask, torch.tensor([[value[x] for x in BY_HAND[reading]]]))


def test_the_two_sided_mask_of_four_channels_worked_by_hand() -> None:
    mask = soft_rank_mask(torch.tensor([[3.0, 1.0, 4.0, 2.0]]), 0.25, "suppress_middle")
    # keep_top at ascending (2, 0, 3, 1) plus keep_top at descending (1, 3, 0, 2)
    top, bottom = (0.2689414, 0.0474259, 0.5, 0.1192029), (0.1192029, 0.5, 0.0474259, 0.2689414)
    torch.testing.assert_close(mask, torch.tensor([top]) + torch.tensor([bottom]))


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("b", [0.0, 0.1, 0.4, 0.5])
@pytest.mark.parametrize("shape", [(2, 7, 3, 2), (1, 100, 2, 2), (3, 64)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_mask_equals_a_plain_loop(
    reading: Reading, b: float, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    mask = soft_rank_mask(features, b, reading)
    assert mask.dtype == dtype
    expected = mask_by_plain_loop(features, b, reading)
    torch.testing.assert_close(mask, expected, rtol=0, atol=torch.finfo(dtype).eps)


@settings(deadline=None, max_examples=60)
@given(
    features=arrays(np.float32, (2, 9), elements=st.sampled_from([-2.5, -1.0, -0.0, 0.0, 1.0, 1e-30, 7.0])),
    reading=st.sampled_from(READINGS),
    double=st.booleans(),
)
def test_equal_features_are_ranked_by_channel(features: np.ndarray, reading: Reading, double: bool) -> None:
    tied = torch.from_numpy(features).to(torch.float64 if double else torch.float32)
    mask = soft_rank_mask(tied, 0.2, reading)
    torch.testing.assert_close(mask, mask_by_plain_loop(tied, 0.2, reading), rtol=0, atol=1e-7)


def test_of_equal_features_the_lower_channel_counts_as_the_smaller() -> None:
    ties = torch.zeros(1, 5)
    assert soft_rank_mask(ties, 0.4, "keep_top").diff().gt(0).all()
    assert soft_rank_mask(ties, 0.4, "literal").diff().gt(0).all()
    assert soft_rank_mask(ties, 0.4, "suppress_top").diff().lt(0).all()


@pytest.mark.parametrize(
    ("reading", "share"),
    [("literal", 0.9), ("suppress_top", 0.9), ("keep_top", 0.1), ("argsort", 0.9), ("suppress_middle", 0.2)],
)
def test_at_b_04_a_known_share_of_channels_is_active(reading: Reading, share: float) -> None:
    mask = soft_rank_mask(torch.randn(4, 1000, 2, 2), 0.4, reading)
    active = (mask > 0.5).float().mean(1)
    torch.testing.assert_close(active, torch.full_like(active, share), atol=0.0021, rtol=0)
    saturated = ((mask < 1e-6) | (mask > 1 - 1e-6)).float().mean()
    assert saturated > 0.9


def test_keep_top_keeps_the_largest_and_suppress_top_all_but_the_largest() -> None:
    features = torch.arange(200.0)[torch.randperm(200)].view(1, 200)
    largest = features >= 180
    assert (soft_rank_mask(features, 0.4, "keep_top")[features >= 190] > 0.99).all()
    assert (soft_rank_mask(features, 0.4, "keep_top")[~largest] < 0.5).all()
    assert (soft_rank_mask(features, 0.4, "suppress_top")[features >= 190] < 0.01).all()
    assert (soft_rank_mask(features, 0.4, "suppress_top")[~largest] >= 0.5).all()


@pytest.mark.parametrize("reading", READINGS)
def test_the_mask_does_not_depend_on_memory_format(reading: Reading) -> None:
    features = torch.randn(2, 60, 4, 3)
    other = features.to(memory_format=torch.channels_last)
    assert torch.equal(soft_rank_mask(features, 0.3, reading), soft_rank_mask(other, 0.3, reading))


@pytest.mark.parametrize("b", [-0.1, 0.6, math.nan])
def test_a_bias_outside_its_range_is_refused(b: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 0\.5\]"):
        soft_rank_mask(torch.randn(1, 4), b)


def test_an_unknown_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="suppress_top"):
        soft_rank_mask(torch.randn(1, 4), 0.4, "top")


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("b", [0.1, 0.45])
@pytest.mark.parametrize("channels", [257, 600])
def test_rows_longer_than_numpy_sorts_at_once_are_ranked_alike(
    reading: Reading, b: float, channels: int
) -> None:
    features = torch.randn(2, channels, 3, generator=torch.Generator().manual_seed(0)).round(decimals=2)
    mask = soft_rank_mask(features, b, reading)
    torch.testing.assert_close(mask, mask_by_plain_loop(features, b, reading), rtol=0, atol=1e-7)


@pytest.mark.parametrize("reading", READINGS)
def test_the_mask_does_not_depend_on_how_the_work_is_divided(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = torch.randn(3, 64, 5, 5)
    whole = soft_rank_mask(features, 0.3, reading)
    monkeypatch.setattr(soft_rank, "_IN_CACHE", 200)
    assert torch.equal(soft_rank_mask(features, 0.3, reading), whole)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("reading", READINGS)
def test_the_mask_is_the_same_on_a_gpu(reading: Reading) -> None:
    features = torch.randn(2, 600, 4, 4).round(decimals=2)
    torch.testing.assert_close(
        soft_rank_mask(features.cuda(), 0.4, reading).cpu(), soft_rank_mask(features, 0.4, reading)
    )


def feature_at_the_cut(values: np.ndarray, b: float, reading: str) -> float:
    """Of the channels with a mask of 1/2 or more, the feature that is nearest to those with less."""
    mask = mask_by_plain_loop(torch.from_numpy(values)[None], b, reading)[0].numpy()
    active = values[mask >= 0.5]
    return float(active.max() if reading == "suppress_top" else active.min())


def soft_mask_by_plain_loop(values: np.ndarray, total: float, tau: float) -> np.ndarray:
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
def test_the_softened_gradient_agrees_with_finite_differences_of_a_plain_loop(
    reading: Reading, slope: int, b: float, temperature: float
) -> None:
    randomness = np.random.default_rng(0)
    values, upstream = randomness.normal(size=(2, 20))
    tau = temperature * values.std()
    theta = feature_at_the_cut(values, b, reading)
    total = sum(sigmoid((value - theta) / tau) for value in values)

    def objective(values: np.ndarray) -> float:
        return slope * float(upstream @ soft_mask_by_plain_loop(values, total, tau))

    steps = 1e-5 * np.eye(len(values))
    expected = [(objective(values + step) - objective(values - step)) / 2e-5 for step in steps]
    gradient = softened_gradient(torch.from_numpy(values)[None], upstream, b, reading, temperature)
    np.testing.assert_allclose(gradient[0], expected, rtol=1e-5, atol=1e-8)


def softened_gradient(
    features: Tensor, upstream: np.ndarray | Tensor, b: float, reading: Reading, temperature: float = 0.1
) -> Tensor:
    features = features.clone().requires_grad_()
    masked = softened_mask(features, b, reading, temperature) * torch.as_tensor(upstream)
    (gradient,) = torch.autograd.grad(masked.sum(), features)
    return gradient


def test_the_softened_gradient_points_where_that_of_soft_ranks_does() -> None:
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
    gradient = softened_gradient(features.detach(), upstream, 0.3, "keep_top")
    assert torch.cosine_similarity(gradient, of_soft_ranks).item() > 0.95


def test_the_softened_gradient_of_both_ends_is_the_sum_of_those_of_either() -> None:
    features, upstream = torch.randn(2, 3, 50, 2, 2, dtype=torch.float64)
    top = softened_gradient(features, upstream, 0.3, "keep_top")
    bottom = -softened_gradient(-features, upstream, 0.3, "keep_top")
    both = softened_gradient(features, upstream, 0.3, "suppress_middle")
    torch.testing.assert_close(both, top + bottom)


def soft_order_by_plain_loop(values: np.ndarray, mask: np.ndarray, tau: float) -> np.ndarray:
    places = np.sort(values)
    weights = [[math.exp(-abs(here - there) / tau) for there in places] for here in places]
    return np.array([np.dot(row, mask) / sum(row) for row in weights])


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_softened_gradient_of_argsort_agrees_with_finite_differences_of_a_plain_loop(
    temperature: float,
) -> None:
    values, upstream = np.random.default_rng(0).normal(size=(2, 20))
    tau = temperature * values.std()
    mask = mask_by_plain_loop(torch.from_numpy(values)[None], 0.2, "argsort")[0].numpy()

    def objective(values: np.ndarray) -> float:
        return float(upstream @ soft_order_by_plain_loop(values, mask, tau))

    steps = 1e-6 * np.eye(len(values))
    expected = [(objective(values + step) - objective(values - step)) / 2e-6 for step in steps]
    gradient = softened_gradient(torch.from_numpy(values)[None], upstream, 0.2, "argsort", temperature)
    np.testing.assert_allclose(gradient[0], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_softened_mask_has_the_values_of_the_mask(reading: Reading, dtype: torch.dtype) -> None:
    features = torch.randn(2, 60, 4, 3).to(dtype).requires_grad_()
    mask = softened_mask(features, 0.3, reading)
    assert torch.equal(mask, soft_rank_mask(features, 0.3, reading))
    (gradient,) = torch.autograd.grad(mask.float().square().sum(), features)
    assert gradient.dtype == dtype
    assert gradient.isfinite().all()


@pytest.mark.parametrize("b", [0.0, 0.5])
@pytest.mark.parametrize("reading", READINGS)
def test_the_softened_gradient_is_finite_at_the_ends_of_b_and_for_equal_features(
    reading: Reading, b: float
) -> None:
    features = torch.stack([torch.randn(12), torch.full((12,), 0.7), torch.zeros(12)])
    gradient = softened_gradient(features, torch.randn(3, 12), b, reading)
    assert gradient.isfinite().all()
    assert not gradient[1:].any()


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        softened_mask(torch.randn(1, 4), 0.4, "keep_top", temperature)
