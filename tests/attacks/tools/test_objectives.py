import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iqabench.attacks.tools.objectives import score_reflection

unit = st.floats(0, 1)


@settings(deadline=None)
@given(score=unit, label=unit)
def test_is_the_distance_to_the_reflected_target_of_equation_5(score, label):
    target = 1 if label > 0.5 else -1
    value = score_reflection(
        torch.tensor([score], dtype=torch.float64), torch.tensor([label], dtype=torch.float64)
    )
    assert value.item() == pytest.approx(abs(score - target), abs=1e-15)


def test_increasing_it_lowers_good_images_and_raises_the_others():
    scores = torch.tensor([0.3, 0.3, 0.3], requires_grad=True)
    score_reflection(scores, torch.tensor([0.9, 0.5, 0.1])).sum().backward()
    assert scores.grad.tolist() == [-1, 1, 1]


def test_a_label_of_one_half_goes_the_way_of_the_literal_target_zero():
    scores = torch.tensor([0.2, 0.7], dtype=torch.float64, requires_grad=True)
    (literal,) = torch.autograd.grad((scores - 0).abs().sum(), scores)
    (ours,) = torch.autograd.grad(score_reflection(scores, torch.tensor([0.5, 0.5])).sum(), scores)
    assert torch.equal(ours, literal)


def test_gradient_does_not_vanish_where_the_score_has_reached_the_target():
    score = torch.tensor([1.0], requires_grad=True)
    score_reflection(score, torch.tensor([0.8])).sum().backward()
    assert score.grad.item() == -1


def test_labels_may_have_another_dtype_than_scores():
    value = score_reflection(torch.tensor([0.25]), torch.tensor([0.75], dtype=torch.float64))
    assert value.dtype == torch.float32
    assert value.item() == 0.75
