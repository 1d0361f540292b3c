import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from iqabench.models.cprl.mask import Reading, mask_by_definition

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
    "suppress_middle": ((-1, -2), (-3, 0), (0, -3), (-2, -1)),  # of either order
}


@pytest.mark.parametrize("reading", BY_HAND)
def test_the_mask_of_four_channels_worked_by_hand(reading: Reading) -> None:
    mask = mask_by_definition(torch.tensor([[3.0, 1.0, 4.0, 2.0]]), 0.25, reading)
    value = {-3: 0.0474259, -2: 0.1192029, -1: 0.2689414, 0: 0.5, 1: 0.7310586, 2: 0.8807971}
    exponents = [x if isinstance(x, tuple) else (x,) for x in BY_HAND[reading]]
    expected = [sum(value[x] for x in both) for both in exponents]
    torch.testing.assert_close(mask, torch.tensor([expected]))


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("b", [0.0, 0.1, 0.4, 0.5])
@pytest.mark.parametrize("shape", [(2, 7, 3, 2), (3, 64)])
def test_the_mask_equals_a_plain_loop(reading: Reading, b: float, shape: tuple[int, ...]) -> None:
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = mask_by_definition(features, b, reading)
    torch.testing.assert_close(mask, mask_by_plain_loop(features, b, reading), rtol=0, atol=1e-15)


@settings(deadline=None, max_examples=60)
@given(
    features=arrays(np.float32, (2, 9), elements=st.sampled_from([-2.5, -1.0, -0.0, 0.0, 1.0, 1e-30, 7.0])),
    reading=st.sampled_from(READINGS),
)
def test_equal_features_are_ranked_by_channel(features: np.ndarray, reading: Reading) -> None:
    tied = torch.from_numpy(features)
    mask = mask_by_definition(tied, 0.2, reading)
    torch.testing.assert_close(mask, mask_by_plain_loop(tied, 0.2, reading), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("reading", "share"),
    [("literal", 0.9), ("suppress_top", 0.9), ("keep_top", 0.1), ("argsort", 0.9), ("suppress_middle", 0.2)],
)
def test_at_b_04_a_known_share_of_channels_is_active(reading: Reading, share: float) -> None:
    mask = mask_by_definition(torch.randn(4, 1000, 2, 2), 0.4, reading)
    active = (mask > 0.5).float().mean(1)
    torch.testing.assert_close(active, torch.full_like(active, share), atol=0.0021, rtol=0)
    saturated = ((mask < 1e-6) | (mask > 1 - 1e-6)).float().mean()
    assert saturated > 0.9
