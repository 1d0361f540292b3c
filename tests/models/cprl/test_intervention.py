import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from iqabench.models.cprl import soft_rank_mask
from iqabench.models.cprl.intervention import (
    RISKS,
    Kind,
    channel_map,
    intervene,
    necessity_risk,
    sufficiency_risk,
)

KINDS = ("sufficiency", "necessity")


def swap() -> nn.Linear:
    """Maps (f0, f1) to (f1, f0)."""
    linear = nn.Linear(2, 2, bias=False)
    linear.weight.data = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    return linear


def test_the_interventions_worked_by_hand() -> None:
    features, mask = torch.tensor([[3.0, 5.0]]), torch.tensor([[0.9, 0.2]])
    sufficient = [5 * 0.1 + 3 * 0.9, 3 * 0.8 + 5 * 0.2]
    necessary = [5 * 0.9 + 3 * 0.1, 3 * 0.2 + 5 * 0.8]
    as_printed = [5 * 0.9 + 3 * 0.9, 3 * 0.2 + 5 * 0.2]
    assert intervene(features, mask, swap(), "sufficiency")[0].tolist() == pytest.approx(sufficient)
    assert intervene(features, mask, swap(), "necessity")[0].tolist() == pytest.approx(necessary)
    printed = intervene(features, mask, swap(), "necessity", printed=True)
    assert printed[0].tolist() == pytest.approx(as_printed)
    assert intervene(features, mask, swap(), "sufficiency", printed=True)[0].tolist() == pytest.approx(
        sufficient
    )


def test_fc_of_the_replaced_part_worked_by_hand() -> None:
    features, mask = torch.tensor([[3.0, 5.0]]), torch.tensor([[0.9, 0.2]])
    # f * (1 - M) is (0.3, 4.0) and f * M is (2.7, 1.0); the map swaps the channels.
    expected: list[tuple[Kind, bool, list[float]]] = [
        ("sufficiency", False, [4.0 + 2.7, 0.3 + 1.0]),
        ("necessity", False, [1.0 + 0.3, 2.7 + 4.0]),
        ("necessity", True, [1.0 + 2.7, 2.7 + 1.0]),
    ]
    for kind, printed, values in expected:
        found = intervene(features, mask, swap(), kind, printed=printed, fc_input="replaced_part")
        assert found[0].tolist() == pytest.approx(values)


@pytest.mark.parametrize("kind", KINDS)
def test_an_intervention_acts_on_the_channels_of_each_position(kind: Kind) -> None:
    torch.manual_seed(0)
    features, linear = torch.randn(2, 6, 3, 4), nn.Linear(6, 6, bias=False)
    mask = soft_rank_mask(features, 0.1)
    whole = intervene(features, mask, linear, kind)
    for row in range(3):
        for column in range(4):
            here = intervene(features[:, :, row, column], mask[:, :, row, column], linear, kind)
            torch.testing.assert_close(whole[:, :, row, column], here)


def test_what_the_mask_keeps_survives_sufficiency_and_what_it_leaves_survives_necessity() -> None:
    features, linear = torch.randn(5, 8), nn.Linear(8, 8, bias=False)
    mask = (torch.arange(8) < 3).float().expand(5, 8)
    assert torch.equal(intervene(features, mask, linear, "sufficiency")[:, :3], features[:, :3])
    assert torch.equal(intervene(features, mask, linear, "necessity")[:, 3:], features[:, 3:])
    assert torch.equal(intervene(features, mask, linear, "sufficiency")[:, 3:], linear(features)[:, 3:])
    assert torch.equal(intervene(features, mask, linear, "necessity")[:, :3], linear(features)[:, :3])


def test_an_unknown_kind_and_a_mask_of_another_shape_are_refused() -> None:
    features = torch.zeros(1, 2)
    with pytest.raises(ValueError, match="kind must be one of sufficiency, necessity, got 'SF'"):
        intervene(features, features, swap(), "SF")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected a mask of shape \(1, 2\), got \(2,\)"):
        intervene(features, torch.zeros(2), swap(), "necessity")


def test_a_channel_map_is_linear_and_its_largest_singular_value_is_one() -> None:
    torch.manual_seed(0)
    linear = channel_map(12)
    for _ in range(200):  # of the power iteration
        linear(torch.zeros(1, 12))
    matrix = linear(torch.eye(12)).detach()
    assert np.linalg.svd(matrix.numpy())[1][0] == pytest.approx(1, abs=1e-4)
    linear.eval()
    assert torch.equal(linear(torch.zeros(1, 12)), torch.zeros(1, 12))


def test_a_nonlinear_channel_map_is_two_linear_ones_with_a_relu_between_them() -> None:
    fc = channel_map(2, "nonlinear").eval()
    assert isinstance(fc, nn.Sequential)
    for linear, matrix in ((fc[0], [[1.0, -1.0], [0.0, 1.0]]), (fc[2], [[0.5, 1.0], [-1.0, 0.0]])):
        parametrize.remove_parametrizations(linear, "weight")
        linear.weight.data = torch.tensor(matrix)
    # (3, 5): B f = (-2, 5), rectified (0, 5), and A of it (5, 0). (5, 3): (2, 3), (2, 3), (4, -2).
    assert fc(torch.tensor([[3.0, 5.0], [5.0, 3.0]])).tolist() == [[5.0, 0.0], [4.0, -2.0]]


def test_no_nonlinear_channel_map_makes_features_longer() -> None:
    torch.manual_seed(0)
    fc = channel_map(12, "nonlinear")
    for _ in range(200):  # of the power iteration
        fc(torch.zeros(1, 12))
    features = torch.randn(100, 12)
    assert (fc(features).norm(dim=1) <= features.norm(dim=1)).all()


def test_the_risk_of_two_images_worked_by_hand() -> None:
    prediction = torch.tensor([0.5, 0.9], requires_grad=True)
    sufficient = torch.tensor([0.6, 0.6], requires_grad=True)
    necessary = torch.tensor([0.1, 1.0])
    assert sufficiency_risk(sufficient, prediction).item() == pytest.approx((0.1**2 + 0.3**2) / 2)
    assert necessity_risk(necessary, prediction).item() == pytest.approx(-(0.4**2 + 0.1**2) / 2)
    sufficiency_risk(sufficient, prediction).backward()  # type: ignore[no-untyped-call]
    assert sufficient.grad is not None
    assert prediction.grad is None  # it stands for a label


class Head:
    """y = sig(w . relu(h(f, M))) for features that do not change."""

    def __init__(self, features: Tensor, w: Tensor) -> None:
        self.features, self.w = features, w
        self.mask = soft_rank_mask(features, 0.1)
        self.prediction = self.scores(features * self.mask).detach()  # of the weights at the start

    def scores(self, inner: Tensor) -> Tensor:
        return torch.sigmoid(F.relu(inner) @ self.w)

    def risk(self, phi: nn.Module, xi: nn.Module) -> Tensor:
        risk = torch.zeros(())
        for kind, linear in (("sufficiency", phi), ("necessity", xi)):
            scores = self.scores(intervene(self.features, self.mask, linear, kind))
            risk = risk + RISKS[kind](scores, self.prediction)
        return risk


def test_gradients_of_the_risk_agree_with_finite_differences() -> None:
    torch.manual_seed(1)
    # In evaluation mode the power iteration stands still, so that the maps are functions of their weights.
    phi, xi = channel_map(10).double().eval(), channel_map(10).double().eval()
    w = torch.randn(10, dtype=torch.float64, requires_grad=True)
    head = Head(torch.randn(3, 10, dtype=torch.float64), w)
    weights = [w, *phi.parameters(), *xi.parameters()]
    assert len(weights) == 3
    gradients = torch.autograd.grad(head.risk(phi, xi), weights)
    step = 1e-6
    for weight, gradient in zip(weights, gradients, strict=True):
        flat, expected = weight.data.view(-1), gradient.flatten()
        for index in range(0, len(flat), 7):
            before = float(flat[index])
            flat[index] = before + step
            above = head.risk(phi, xi).item()
            flat[index] = before - step
            below = head.risk(phi, xi).item()
            flat[index] = before
            assert float(expected[index]) == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-9)
