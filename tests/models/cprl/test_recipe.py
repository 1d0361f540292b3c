"""Algorithm 1, line by line: who moves in a step, and which way."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from iqabench.bench.core.config import load_settings
from iqabench.bench.training.recipes import Regression
from iqabench.bench.training.regimes import CleanRegime
from iqabench.models.cprl import CPRL
from iqabench.models.cprl.intervention import Kind
from iqabench.models.cprl.recipe import MinimaxPNS
from iqabench.models.recipe import Labels, statistics_kept

TRAINING = load_settings().training.model_copy(update={"learning_rate": 1e-2})
# Steps that are short enough to go along the gradient.
SMALL_STEPS = TRAINING.model_copy(update={"learning_rate": 1e-5, "weight_decay": 0.0})

IMAGES = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
LABELS = Labels(torch.linspace(0.05, 0.95, 8))


@pytest.fixture
def cprl(tiny_model: Callable[..., Any]) -> Callable[..., CPRL]:
    """Build a tiny CPRL in training mode."""

    def build(pns_weight: float = 0.5, **changes: Any) -> CPRL:
        return tiny_model("cprl", reading="keep_top", pns_weight=pns_weight, **changes).train()

    return build


def distance(model: CPRL, kind: Kind, prediction: Tensor | None = None) -> float:
    """||y_c - y||^2 or ||y_s - y||^2, a mean over the batch."""
    with torch.no_grad(), statistics_kept(model):
        prediction = model(IMAGES) if prediction is None else prediction
        with model.intervened(kind):
            return (model(IMAGES) - prediction).square().mean().item()


def copied(weights: list[nn.Parameter]) -> list[Tensor]:
    return [weight.detach().clone() for weight in weights]


def moved(weights: list[nn.Parameter], before: list[Tensor]) -> list[bool]:
    return [not torch.equal(*pair) for pair in zip(weights, before, strict=True)]


# Lines 5, 6, 9 and 10: who moves, and which way ||y_c - y||^2 or ||y_s - y||^2 goes.
@pytest.mark.parametrize(
    ("kind", "mover", "rises"),
    [
        ("sufficiency", "phi", True),
        ("sufficiency", "theta", False),
        ("necessity", "xi", False),
        ("necessity", "theta", True),
    ],
)
def test_each_side_moves_its_own_weights_its_own_way(
    cprl: Callable[..., CPRL], kind: Kind, mover: str, rises: bool
) -> None:
    model = cprl()
    recipe = MinimaxPNS(model, SMALL_STEPS, CleanRegime())
    optimizers = {"theta": recipe.optimizers["weights"], "phi or xi": recipe.optimizers[kind]}
    moving, still = ("theta", "phi or xi") if mover == "theta" else ("phi or xi", "theta")
    weights = {side: of.param_groups[0]["params"] for side, of in optimizers.items()}
    with torch.no_grad(), statistics_kept(model):
        prediction = model(IMAGES)
    before, old = distance(model, kind), {side: copied(mine) for side, mine in weights.items()}
    optimizers[still].step = lambda: None  # type: ignore[method-assign, assignment, misc]
    recipe.pns_step(kind, IMAGES, LABELS)
    assert not any(moved(weights[still], old[still]))
    assert any(moved(weights[moving], old[moving]))
    assert (distance(model, kind, prediction) > before) is rises


def test_the_halves_of_the_risk_take_turns(cprl: Callable[..., CPRL]) -> None:
    model = cprl()
    recipe = MinimaxPNS(model, SMALL_STEPS, CleanRegime())
    turns: list[tuple[Kind, Kind]] = [("sufficiency", "necessity"), ("necessity", "sufficiency")]
    for number, (mine, others) in enumerate(turns * 2):
        old = {kind: copied(model.intervention_weights(kind)) for kind in (mine, others)}
        terms = recipe.step(number, IMAGES, LABELS)
        assert list(terms) == ["loss", mine]
        assert all(moved(model.intervention_weights(mine), old[mine]))
        assert not any(moved(model.intervention_weights(others), old[others]))
        assert terms["loss"] >= 0
        assert (terms[mine].item() >= 0) is (mine == "sufficiency")


def test_the_terms_are_those_of_eq_12(cprl: Callable[..., CPRL]) -> None:
    model = cprl()
    recipe = MinimaxPNS(model, SMALL_STEPS, CleanRegime())
    for optimizer in recipe.optimizers.values():
        optimizer.step = lambda: None  # type: ignore[method-assign, assignment, misc]
    # The power iteration of the spectral norm goes on in training mode, so compare within its precision.
    expected = distance(model, "sufficiency")
    assert recipe.step(0, IMAGES, LABELS)["sufficiency"].item() == pytest.approx(expected, rel=0.2)


def test_statistics_of_batch_normalisation_see_the_plain_pass_alone(cprl: Callable[..., CPRL]) -> None:
    trained, plain = cprl(), cprl()
    MinimaxPNS(trained, SMALL_STEPS, CleanRegime()).step(0, IMAGES, LABELS)
    plain(IMAGES)
    norms, others = (
        [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        for model in (trained, plain)
    )
    assert norms
    for norm, other in zip(norms, others, strict=True):
        assert norm.num_batches_tracked == other.num_batches_tracked == 1
        torch.testing.assert_close(norm.running_mean, other.running_mean)
        torch.testing.assert_close(norm.running_var, other.running_var)
        assert norm.track_running_stats


def test_without_a_pns_weight_training_is_plain_regression(cprl: Callable[..., CPRL]) -> None:
    models = cprl(pns_weight=0.0), cprl(pns_weight=0.0)
    recipes = MinimaxPNS(models[0], TRAINING, CleanRegime()), Regression(models[1], TRAINING, CleanRegime())
    for number in range(3):
        terms = [recipe.step(number, IMAGES, LABELS) for recipe in recipes]
        assert terms[0] == terms[1]
    assert all(map(torch.equal, models[0].parameters(), models[1].parameters()))


def test_the_pns_weight_changes_where_the_weights_go(cprl: Callable[..., CPRL]) -> None:
    heads = []
    for pns_weight in (1e-3, 1.0):
        model = cprl(pns_weight=pns_weight)
        recipe = MinimaxPNS(model, TRAINING, CleanRegime())
        for number in range(2):
            recipe.step(number, IMAGES, LABELS)
        heads.append(model.head.weight.detach())
    assert not torch.equal(*heads)


def test_int_may_be_none_in_every_third_step(cprl: Callable[..., CPRL]) -> None:
    recipe = MinimaxPNS(cprl(), SMALL_STEPS, CleanRegime(), turns="None SF NC")
    halves = [set(recipe.step(number, IMAGES, LABELS)) - {"loss"} for number in range(6)]
    assert halves == [set(), {"sufficiency"}, {"necessity"}] * 2


@pytest.mark.parametrize("kind", ["sufficiency", "necessity"])
@pytest.mark.parametrize("fc", ["linear", "nonlinear"])
def test_lines_6_and_10_may_minimise_all_of_eq_14(cprl: Callable[..., CPRL], kind: Kind, fc: str) -> None:
    model = cprl(fc=fc)
    for activation in model.channel_activations():
        assert activation.maps is not None
        activation.maps.eval()  # the power iteration stands still
    weights = [weight for name, weight in model.named_parameters() if ".maps." not in name]
    with statistics_kept(model):
        plain = model(IMAGES)
        under = {}
        for each in ("sufficiency", "necessity"):
            with model.intervened(each):
                under[each] = model(IMAGES)
    risk = {each: (scores - plain.detach()).square().mean() for each, scores in under.items()}
    halves = {"sufficiency": risk["sufficiency"], "necessity": -risk["necessity"]}
    eq_14 = (plain - LABELS.quality).square().mean() + 0.5 * sum(halves.values())

    for minimised, loss in (("risk", 0.5 * halves[kind]), ("objective", eq_14)):
        expected = torch.autograd.grad(loss, weights, retain_graph=True)
        recipe = MinimaxPNS(model, SMALL_STEPS, CleanRegime(), minimised=minimised)  # type: ignore[arg-type]
        for optimizer in recipe.optimizers.values():
            optimizer.step = lambda: None  # type: ignore[method-assign, assignment, misc]
        assert recipe.pns_step(kind, IMAGES, LABELS).item() == pytest.approx(halves[kind].item(), rel=1e-5)
        for weight, gradient in zip(weights, expected, strict=True):
            torch.testing.assert_close(weight.grad, gradient, rtol=1e-3, atol=1e-6)
