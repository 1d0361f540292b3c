import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import iqabench.models.cprl
from iqabench.models.cprl import fast_mask
from iqabench.models.cprl.fast_mask import soft_rank_mask
from iqabench.models.cprl.mask import Reading, mask_by_definition

READINGS = get_args(Reading)


def test_it_is_what_the_package_offers() -> None:
    assert iqabench.models.cprl.soft_rank_mask is soft_rank_mask


# Rows of 257 and 600 channels are longer than numpy sorts at once.
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("b", [0.0, 0.1, 0.4, 0.5])
@pytest.mark.parametrize("shape", [(2, 7, 3, 2), (1, 100, 2, 2), (3, 64), (2, 257, 3), (2, 600, 3)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_it_equals_the_definition(
    reading: Reading, b: float, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0)).round(decimals=2).to(dtype)
    mask = soft_rank_mask(features, b, reading)
    assert mask.dtype == dtype
    expected = mask_by_definition(features, b, reading)
    torch.testing.assert_close(mask, expected, rtol=0, atol=torch.finfo(dtype).eps)


@settings(deadline=None, max_examples=60)
@given(
    features=arrays(np.float32, (2, 9), elements=st.sampled_from([-2.5, -1.0, -0.0, 0.0, 1.0, 1e-30, 7.0])),
    reading=st.sampled_from(READINGS),
    double=st.booleans(),
)
def test_equal_features_are_ranked_as_in_the_definition(
    features: np.ndarray, reading: Reading, double: bool
) -> None:
    tied = torch.from_numpy(features).to(torch.float64 if double else torch.float32)
    expected = mask_by_definition(tied, 0.2, reading)
    torch.testing.assert_close(soft_rank_mask(tied, 0.2, reading), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("reading", READINGS)
def test_it_does_not_depend_on_memory_format_or_on_how_the_work_is_divided(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = torch.randn(3, 64, 5, 4)
    whole = soft_rank_mask(features, 0.3, reading)
    other_format = features.to(memory_format=torch.channels_last)
    assert torch.equal(soft_rank_mask(other_format, 0.3, reading), whole)
    monkeypatch.setattr(fast_mask, "_IN_CACHE", 200)
    assert torch.equal(soft_rank_mask(features, 0.3, reading), whole)


@pytest.mark.parametrize("b", [-0.1, 0.6, math.nan])
def test_a_bias_outside_its_range_is_refused(b: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 0\.5\]"):
        soft_rank_mask(torch.randn(1, 4), b)


def test_an_unknown_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="suppress_top"):
        soft_rank_mask(torch.randn(1, 4), 0.4, "top")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("reading", READINGS)
def test_it_is_the_same_on_a_gpu(reading: Reading) -> None:
    features = torch.randn(2, 600, 4, 4).round(decimals=2)
    torch.testing.assert_close(
        soft_rank_mask(features.cuda(), 0.4, reading).cpu(), soft_rank_mask(features, 0.4, reading)
    )
