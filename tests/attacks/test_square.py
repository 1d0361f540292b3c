import pytest
import torch
from torch import nn

from iqabench.attacks.square import Square, _profile, _tiles
from iqabench.attacks.tools.balls import ball_around
from iqabench.attacks.tools.objectives import ascend, descend
from iqabench.attacks.tools.victim import SearchRecord, Victim

from .conftest import Batch

EPSILON = {"linf": 8 / 255, "l2": 0.8}
norms = pytest.mark.parametrize("norm", ["linf", "l2"])


def gain(model, batch, images):
    with torch.no_grad():
        return (model(images) - model(batch.images)).mean()


@norms
@torch.no_grad()
@pytest.mark.filterwarnings("ignore")
def test_gains_as_much_as_torchattacks_with_as_many_queries(model, norm):
    import torchattacks

    class NeverFooled(nn.Module):
        """The margin of class 0 falls as the score rises, and stays above 9."""

        def forward(self, images):
            return torch.stack([10 - model(images), torch.zeros(len(images))], 1)

    coarse = torch.rand((6, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    batch = Batch(nn.functional.interpolate(coarse, size=25, mode="bilinear"), torch.full((6,), 0.2))
    gains = {"ours": [], "theirs": []}
    for seed in range(2):
        names = {"linf": "Linf", "l2": "L2"}
        oracle = torchattacks.Square(
            NeverFooled(), norm=names[norm], eps=EPSILON[norm], n_queries=200, p_init=0.8
        )
        oracle.init_hyperparam(batch.images)
        torch.manual_seed(seed)
        _, theirs = oracle.attack_single_run(batch.images, torch.zeros(6).long())
        attack = Square(norm=norm, queries=200, seed=seed)
        (ours,) = attack.perturb(model, *batch, [EPSILON[norm]], objective=ascend)
        gains["ours"].append(gain(model, batch, ours))
        gains["theirs"].append(gain(model, batch, theirs))
    assert sum(gains["ours"]) > 0.85 * sum(gains["theirs"]) > 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [2, 3, 4, 7, 8, 13])
def test_halves_of_the_bump_in_the_l2_ball_are_those_of_torchattacks_up_to_their_scale(side):
    import torchattacks

    oracle = torchattacks.Square(nn.Flatten(), norm="L2")
    halves = torch.split(_profile(side, torch.zeros(())), [side // 2, side - side // 2], dim=1)
    for half, sign in zip(halves, (1, -1), strict=True):
        theirs = oracle.eta_rectangles(*reversed(half.shape)).T  # it takes the short side first
        torch.testing.assert_close(sign * half / half.norm(), theirs.cpu())


def test_bump_in_the_l2_ball_is_that_of_the_paper_worked_by_hand():
    outer, middle = 1 / 4, 1 / 4 + 1
    expected = [[outer, -outer, -outer], [middle, -outer, -middle], [outer, -outer, -outer]]
    assert _profile(3, torch.zeros(())).tolist() == expected


@pytest.mark.parametrize("shape", [(64, 64), (32, 53)])
def test_each_bump_of_the_first_query_in_the_l2_ball_has_one_sign(shape):
    ball = ball_around(torch.full((1, 3, *shape), 0.5), 0.8, "l2")
    side = min(shape) // 5
    changes = _tiles(ball, torch.rand(1, 3, 64)) - ball.images
    bumps = changes.unfold(2, side, side).unfold(3, side, side)
    signs = (bumps * _profile(side, changes)).sign()
    assert (signs == signs[..., :1, :1]).all()


@norms
def test_asks_for_exactly_its_queries_and_never_for_a_gradient(counted, batch, norm):
    victim = Victim(counted, *batch, objective=descend)
    ball = ball_around(batch.images, EPSILON[norm], norm)
    Square(norm=norm, queries=30).search(victim, ball, batch.images)
    assert (counted.forwards, counted.backwards) == (30, 0)


def test_keeps_the_curve_of_the_best_value_over_queries(model, batch):
    record = SearchRecord()
    attack = Square(queries=60)
    (found,) = attack.perturb(model, *batch, [8 / 255], objective=ascend, record=record)
    (curve,) = record.query_curve[8 / 255]
    assert (min(curve), max(curve)) == (1, 60)
    values = torch.stack([curve[queries] for queries in sorted(curve)])
    assert (values.diff(dim=0) >= 0).all()
    with torch.no_grad():
        torch.testing.assert_close(values[0], model(batch.images))
        torch.testing.assert_close(values[-1], model(found))


def test_works_where_there_is_no_gradient_at_all(batch):
    class Cut(nn.Module):
        def forward(self, images):
            return (images.detach().mean(dim=(1, 2, 3)) * 1000).round() / 1000

    (found,) = Square(queries=40).perturb(Cut(), *batch, [8 / 255], objective=descend)
    assert (gain(Cut(), batch, found) < -0.002).all()
