"""What the regression loss is taken on in each regime."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from iqabench.attacks import create_attack
from iqabench.bench.core import registry
from iqabench.bench.core.config import load_settings
from iqabench.bench.training.recipes import recipe_of
from iqabench.bench.training.regimes import AdversarialRegime, CleanRegime
from iqabench.models import create_model
from iqabench.models.nima import earth_movers_distance, rebinned
from iqabench.models.recipe import Labels

TINY = {"backbone": "resnet18", "backbone_args": {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}}
IMAGES = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Linear(nn.Module):
    """Scores the mean pixel of an image."""

    def forward(self, images):
        return images.mean((1, 2, 3))


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


@pytest.mark.parametrize("name", ["resnet", "lwta", "denoise", "sat", "nima", "dbcnn", "cprl"])
def test_every_model_trains_in_the_adversarial_regime(name):
    more = {"scnn_width": 0.125} if name == "dbcnn" else {}
    model = create_model(name, **TINY, **more).train()
    regime = AdversarialRegime(create_attack("fgsm"), 2 / 255, 0.5, 0.5)
    recipe = registry.resolve("recipes", recipe_of(model))(model, load_settings().training, regime)
    before = [weight.detach().clone() for weight in model.parameters()]
    terms = recipe.step(0, IMAGES, Labels(torch.linspace(0.05, 0.95, 8)))
    assert {"loss", "natural", "adversarial"} <= set(terms)
    assert all(math.isfinite(value) for value in terms.values())
    assert model.training
    assert any(not torch.equal(*pair) for pair in zip(model.parameters(), before, strict=True))


def test_a_model_that_predicts_a_distribution_is_fitted_to_that_of_the_ratings_where_it_is_known():
    distribution = torch.softmax(torch.randn(8, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    quality = distribution @ torch.linspace(0, 1, 5)
    nima, resnet = create_model("nima", **TINY), create_model("resnet", **TINY)
    with torch.no_grad():
        expected = earth_movers_distance(nima.distribution(IMAGES), rebinned(distribution, 10)).mean()
        errors = {model: F.mse_loss(model(IMAGES), quality).item() for model in (nima, resnet)}
    known, unknown = Labels(quality, distribution), Labels(quality)
    regime = CleanRegime()
    assert regime(nima, IMAGES, known).loss.item() == pytest.approx(expected.item())
    assert regime(nima, IMAGES, unknown).loss.item() == pytest.approx(errors[nima])
    assert regime(resnet, IMAGES, known).loss.item() == pytest.approx(errors[resnet])


def test_the_distribution_is_known_of_attacked_copies_too():
    regime = AdversarialRegime(create_attack("fgsm"), 0.0, 0.5, 0.5)
    labels = Labels(torch.full((8,), 0.5), torch.full((8, 5), 0.2))
    terms = regime(create_model("nima", **TINY), IMAGES, labels).terms
    torch.testing.assert_close(terms["natural"], terms["adversarial"])
