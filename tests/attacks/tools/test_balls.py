from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iqabench.attacks.tools.balls import L2Ball, ball, displaced

pixels = st.lists(st.floats(0, 1, width=32) | st.integers(0, 255).map(lambda level: level / 255), min_size=1)
epsilons = st.integers(0, 255).map(lambda levels: levels / 255) | st.floats(0, 1)
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def assert_in_ball(moved, images, epsilon):
    assert (moved - images).abs().max() <= epsilon
    for pixel, original in zip(moved.flatten().tolist(), images.flatten().tolist(), strict=True):
        assert 0 <= pixel <= 1
        assert abs(Fraction(pixel) - Fraction(original)) <= Fraction(epsilon)


@dtypes
@settings(deadline=None)
@given(pixels=pixels, epsilon=epsilons)
def test_ball_never_exceeds_epsilon_in_exact_arithmetic(dtype, pixels, epsilon):
    images = torch.tensor(pixels, dtype=dtype).reshape(1, 1, 1, -1)
    for bound in ball(images, epsilon):
        assert_in_ball(bound, images, epsilon)


@dtypes
@settings(deadline=None)
@given(pixels=pixels, epsilon=epsilons, seed=st.integers(0, 99))
def test_displacement_never_exceeds_epsilon_in_exact_arithmetic(dtype, pixels, epsilon, seed):
    images = torch.tensor(pixels, dtype=dtype).reshape(1, 1, 1, -1)
    inside = torch.rand(images.shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2 - 1
    for direction in (torch.ones_like(images), -torch.ones_like(images), inside):
        assert_in_ball(displaced(images, direction, epsilon), images, epsilon)


@dtypes
@settings(deadline=None)
@given(pixels=pixels, epsilon=epsilons)
def test_bounds_are_within_rounding_of_the_whole_ball(dtype, pixels, epsilon):
    images = torch.tensor(pixels, dtype=dtype).reshape(1, 1, 1, -1)
    lower, upper = ball(images, epsilon)
    tolerance = 1.5 * torch.finfo(dtype).eps
    exact = images.double()
    torch.testing.assert_close(lower.double(), (exact - epsilon).clamp(min=0), atol=tolerance, rtol=0)
    torch.testing.assert_close(upper.double(), (exact + epsilon).clamp(max=1), atol=tolerance, rtol=0)


def test_displacement_is_a_new_tensor_even_for_epsilon_zero():
    images = torch.rand(1, 3, 2, 2)
    moved = displaced(images, torch.ones_like(images), 0.0)
    assert torch.equal(moved, images)
    assert moved.data_ptr() != images.data_ptr()


@dtypes
@settings(deadline=None)
@given(pixels=pixels, epsilon=st.floats(0, 3), seed=st.integers(0, 99))
def test_no_point_leaves_the_l2_ball_in_exact_arithmetic_rounded_to_grey_levels_or_not(
    dtype, pixels, epsilon, seed
):
    images = torch.tensor(pixels, dtype=dtype).mul(255).round().div(255).reshape(1, 1, 1, -1)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    ball = L2Ball(images, epsilon)
    found = ball.project(images + noise)
    moved = [
        Fraction(a) - Fraction(b)
        for a, b in zip(found.flatten().tolist(), images.flatten().tolist(), strict=True)
    ]
    assert sum(move**2 for move in moved) <= Fraction(epsilon) ** 2
    levels = ((ball.eight_bit(found) - images).double() * 255).round()
    assert levels.square().sum().sqrt() <= epsilon * 255
    assert found.min() >= 0
    assert found.max() <= 1
