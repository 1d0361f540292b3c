"""Scores are mapped so that higher is better, and a stated range becomes [0, 1]."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from iqabench.models.adapted.adapter import Adapter
from iqabench.models.adapted.scale import Scale


@pytest.mark.parametrize(
    ("stated", "lower_is_better", "score", "expected"),
    [
        ("0, 1", False, 0.25, 0.25),
        ("~0, ~100", True, 25.0, 0.75),
        ("1, 5", False, 5.0, 1.0),
        ("~-1, ~0.1", False, -1.0, 0.0),
        ("~0, ~", True, 3.0, 0.25),
        ("0, ~", False, 3.0, 0.75),
        ("~, 2", True, -1.0, 0.75),
        (None, False, 0.0, 0.5),
    ],
)
def test_maps(stated, lower_is_better, score, expected):
    found = Scale.parse(stated, lower_is_better).quality(torch.tensor([score]))
    torch.testing.assert_close(found, torch.tensor([expected]), check_dtype=False)


@pytest.mark.parametrize("stated", [None, "~0, ~", "~, 1000000"])
def test_large_scores_of_an_open_scale_stay_apart(stated):
    scores = torch.linspace(-9e5, -8e5, 100) if stated == "~, 1000000" else torch.linspace(8e5, 9e5, 100)
    mapped = Scale.parse(stated, False).quality(scores)
    assert (mapped.diff() > 0).all()
    adapted = Adapter(nn.Identity(), score_range="unbounded").eval()
    adapted.model.forward = lambda images: scores
    assert (adapted(torch.rand(100, 3, 1, 1)).diff() > 0).all()


@given(
    st.sampled_from(["0, 1", "~0, ~", "~, 2", "~, ~"]), st.booleans(), st.floats(-20, 20), st.floats(-20, 20)
)
def test_the_order_is_kept_or_turned_round(stated, lower_is_better, first, second):
    scores = torch.tensor([first, second], dtype=torch.float64)
    mapped = Scale.parse(stated, lower_is_better).quality(scores)
    if abs(first - second) > 1e-6:
        assert (mapped[0] > mapped[1]) == ((first > second) != lower_is_better)
