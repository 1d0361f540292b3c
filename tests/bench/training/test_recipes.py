"""One step of each recipe, and what each regime sees."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from iqabench import UserError
from iqabench.attacks import create_attack
from iqabench.bench.training.recipes import (
    RECIPES,
    AdversarialRegime,
    CleanRegime,
    Labels,
    MinimaxGame,
    Regression,
    recipe_of,
    statistics_kept,
)
from iqabench.models import create_model
from iqabench.models.nima import emd_loss, rebinned

from .test_fit import SETTINGS

TINY = {"backbone": "resnet18", "backbone_args": {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}}


@pytest.fixture(autouse=True)
def one_thread():
    """Threads only get into each other's way on models this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def images():
    return torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    return Labels(torch.linspace(0.05, 0.95, 8))


def cprl(**changes):
    torch.manual_seed(0)
    model = create_model("cprl", **TINY, **{"b": 0.25, "pns_weight": 0.5, "reading": "keep_top", **changes})
    return model.train()


def small_steps(model, regime=None):
    """A game whose moves are short enough to go along the gradient."""
    settings = SETTINGS.model_copy(update={"learning_rate": 1e-5, "weight_decay": 0.0})
    return MinimaxGame(model, settings, regime or CleanRegime())


def distance(model, kind, images):
    """||y_c - y||^2 or ||y_s - y||^2, a mean over the batch."""
    with torch.no_grad(), statistics_kept(model):
        prediction = model(images)
        with model.intervened(kind):
            return (model(images) - prediction).square().mean().item()


def test_plain_regression_goes_down_the_mean_squared_error(images, labels):
    model = create_model("resnet", **TINY).train()
    recipe = Regression(model, SETTINGS, CleanRegime())
    with torch.no_grad(), statistics_kept(model):
        expected = F.mse_loss(model(images), labels.quality)
    terms = [recipe.step(number, images, labels) for number in range(10)]
    assert list(terms[0]) == ["loss"]
    assert terms[0]["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert terms[-1]["loss"] < 0.7 * terms[0]["loss"]
    assert not terms[0]["loss"].requires_grad


# Algorithm 1, lines 5, 6, 9 and 10: who moves, and which way ||y_c - y||^2 or ||y_s - y||^2 goes.
@pytest.mark.parametrize(
    ("kind", "mover", "rises"),
    [
        ("sufficiency", "phi", True),
        ("sufficiency", "theta", False),
        ("necessity", "xi", False),
        ("necessity", "theta", True),
    ],
)
def test_every_sign_of_the_game(images, kind, mover, rises):
    model = cprl()
    game = small_steps(model)
    before = distance(model, kind, images)
    with torch.no_grad(), statistics_kept(model):
        prediction = model(images)
    moving = game.weights if mover == "theta" else game.interveners[kind]
    still = game.interveners[kind] if mover == "theta" else game.weights
    # The other side's optimiser is kept from moving; the game is otherwise played as in training.
    game.optimizers["weights" if mover != "theta" else kind].step = lambda: None
    others = [weight.detach().clone() for weight in still]
    mine = [weight.detach().clone() for weight in moving]
    game._play(kind, images)
    assert all(torch.equal(weight, old) for weight, old in zip(still, others, strict=True))
    assert not all(torch.equal(weight, old) for weight, old in zip(moving, mine, strict=True))
    with torch.no_grad(), statistics_kept(model), model.intervened(kind):
        after = (model(images) - prediction).square().mean().item()
    assert (after > before) is rises


def test_the_switch_alternates_with_t_and_each_move_touches_its_own_weights(images, labels):
    model = cprl()
    game = small_steps(model)
    for number, (moved, kept) in enumerate([("sufficiency", "necessity"), ("necessity", "sufficiency")] * 2):
        old = {kind: [w.detach().clone() for w in game.interveners[kind]] for kind in (moved, kept)}
        terms = game.step(number, images, labels)
        assert list(terms) == ["loss", moved]
        assert not any(map(torch.equal, game.interveners[moved], old[moved]))
        assert all(map(torch.equal, game.interveners[kept], old[kept]))
        assert terms["loss"] >= 0
        assert (terms[moved].item() >= 0) is (moved == "sufficiency")


def test_the_terms_of_the_game_are_those_of_eq_12(images, labels):
    model = cprl()
    game = small_steps(model)
    game.optimizers["weights"].step = lambda: None
    game.optimizers["sufficiency"].step = lambda: None
    # The power iteration of the spectral norm goes on in training mode, so compare within its precision.
    expected = distance(model, "sufficiency", images)
    assert game.step(0, images, labels)["sufficiency"].item() == pytest.approx(expected, rel=0.2)


def test_statistics_of_batch_normalisation_see_the_plain_pass_alone(images, labels):
    played, plain = cprl(), cprl()
    small_steps(played).step(0, images, labels)
    small_steps(plain).regime(plain, images, labels)  # one plain forward pass
    norms = [module for module in played.modules() if isinstance(module, nn.BatchNorm2d)]
    others = [module for module in plain.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    for norm, other in zip(norms, others, strict=True):
        assert norm.num_batches_tracked == other.num_batches_tracked == 1
        torch.testing.assert_close(norm.running_mean, other.running_mean)
        torch.testing.assert_close(norm.running_var, other.running_var)
        assert norm.track_running_stats


def test_without_a_pns_weight_the_game_is_plain_regression(images, labels):
    games = MinimaxGame(cprl(pns_weight=0.0), SETTINGS, CleanRegime()), None
    plain_model = cprl(pns_weight=0.0)
    plain = Regression(plain_model, SETTINGS, CleanRegime())
    for number in range(3):
        terms = games[0].step(number, images, labels)
        assert terms == plain.step(number, images, labels)
    assert all(map(torch.equal, games[0].model.parameters(), plain_model.parameters()))


def test_the_pns_weight_changes_where_the_weights_go(images, labels):
    def moved(weight):
        model = cprl(pns_weight=weight)
        torch.manual_seed(0)
        recipe = MinimaxGame(model, SETTINGS, CleanRegime())
        recipe.step(0, images, labels)
        recipe.step(1, images, labels)
        return model.head.weight.detach().clone()

    assert not torch.equal(moved(1e-3), moved(1.0))


class Linear(nn.Module):
    """The mean pixel, scaled."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, images):
        return self.scale * images.mean((1, 2, 3))


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_the_adversarial_regime_weighs_both_losses_by_their_priors(attack):
    # Mean pixel 0.3 labelled 0.8 and 0.6 labelled 0.2: the attack pushes the scores down and up by epsilon.
    images = torch.stack([torch.full((3, 4, 4), 0.3), torch.full((3, 4, 4), 0.6)])
    labels = Labels(torch.tensor([0.8, 0.2]))
    regime = AdversarialRegime(create_attack(attack), 0.1, prior_natural=0.25, prior_adversarial=0.75)
    fit = regime(Linear(), images, labels)
    natural, adversarial = (0.5**2 + 0.4**2) / 2, (0.6**2 + 0.5**2) / 2
    assert fit.terms["natural"].item() == pytest.approx(natural, rel=1e-4)
    assert fit.terms["adversarial"].item() == pytest.approx(adversarial, rel=1e-4)
    assert fit.loss.item() == pytest.approx(0.25 * natural + 0.75 * adversarial, rel=1e-4)
    torch.testing.assert_close(fit.scores.detach(), torch.tensor([0.3, 0.6]))


@pytest.mark.parametrize("name", ["resnet", "lwta", "denoise", "sat", "nima", "dbcnn", "cprl"])
def test_every_model_trains_in_the_adversarial_regime(images, labels, name):
    torch.manual_seed(0)
    more = {"scnn_width": 0.125} if name == "dbcnn" else {}
    model = create_model(name, **TINY, **more).train()
    regime = AdversarialRegime(create_attack("fgsm"), 2 / 255, 0.5, 0.5)
    recipe = RECIPES[recipe_of(model)](model, SETTINGS, regime)
    before = [weight.detach().clone() for weight in model.parameters()]
    terms = recipe.step(0, images, labels)
    assert {"loss", "natural", "adversarial"} <= set(terms)
    assert all(math.isfinite(value) for value in terms.values())
    assert model.training
    assert any(not torch.equal(*pair) for pair in zip(model.parameters(), before, strict=True))


def test_a_model_that_predicts_opinions_is_fitted_to_them_where_they_are_known(images):
    opinions = torch.softmax(torch.randn(8, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    quality = opinions @ torch.linspace(0, 1, 5)
    torch.manual_seed(0)
    nima = create_model("nima", **TINY)
    with torch.no_grad():
        expected = emd_loss(nima.distribution(images), rebinned(opinions, 10))
        scores = nima(images)
    fit = CleanRegime()(nima, images, Labels(quality, opinions))
    assert fit.loss.item() == pytest.approx(expected.item())
    torch.testing.assert_close(fit.scores.detach(), scores)
    without = CleanRegime()(nima, images, Labels(quality))
    assert without.loss.item() == pytest.approx(F.mse_loss(scores, quality).item())
    resnet = create_model("resnet", **TINY)
    torch.testing.assert_close(
        CleanRegime()(resnet, images, Labels(quality, opinions)).loss,
        CleanRegime()(resnet, images, Labels(quality)).loss,
    )


def test_opinions_are_known_of_attacked_copies_too(images):
    torch.manual_seed(0)
    nima = create_model("nima", **TINY)
    opinions = torch.full((8, 5), 0.2)
    regime = AdversarialRegime(create_attack("fgsm"), 0.0, 0.5, 0.5)
    fit = regime(nima, images, Labels(torch.full((8,), 0.5), opinions))
    torch.testing.assert_close(fit.terms["natural"], fit.terms["adversarial"])


def test_a_model_chooses_its_recipe_and_a_wrong_one_is_answered():
    assert recipe_of(nn.Linear(1, 1)) == "regression"
    assert recipe_of(cprl()) == "cprl"
    model = nn.Linear(1, 1)
    model.recipe = "regresion"
    with pytest.raises(UserError, match="unknown training recipe 'regresion': did you mean 'regression'"):
        recipe_of(model)
