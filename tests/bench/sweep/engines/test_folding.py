from contextlib import nullcontext

import pytest
import torch
from torch import nn

from iqabench.bench.sweep.engines.folding import folded
from iqabench.models import create_model
from iqabench.models.adapted.adapter import Adapter


class Scores(nn.Module):
    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, images):
        return torch.sigmoid(self.body(images).mean(dim=(1, 2, 3)))


class TwoReaders(nn.Module):
    """The convolution's output is normalised, and used as it is too: folding would be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.normalisation = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, images):
        features = self.convolution(images)
        return torch.sigmoid((self.normalisation(features) + 5 * features).mean(dim=(1, 2, 3)))


class Shared(nn.Module):
    """One convolution before two normalisations."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.first, self.second = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, images):
        one, other = self.first(self.convolution(images)), self.second(self.convolution(images))
        return torch.sigmoid((one - 2 * other).mean(dim=(1, 2, 3)))


@pytest.fixture
def images():
    return torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def ready(model: nn.Module) -> nn.Module:
    """In evaluation mode, its normalisations as if they had been trained."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(tensor, 0.5, 2.0)
    return model.eval().requires_grad_(False)


def normalisations(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def test_scores_and_pixel_gradients_stay_the_same(images):
    model = ready(
        Scores(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.SiLU(),
            nn.Conv2d(4, 4, 3, bias=False),
            nn.BatchNorm2d(4),
        )
    ).double()
    fast = folded(model, images.double())
    assert normalisations(fast) == 0
    gradients = []
    for each in (model, fast):
        pixels = images.double().requires_grad_()
        gradients.append(torch.autograd.grad(each(pixels).sum(), pixels)[0])
    torch.testing.assert_close(fast(images.double()), model(images.double()))
    torch.testing.assert_close(*gradients)


def test_the_model_itself_is_left_as_it_was(images):
    model = ready(Scores(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    folded(model, images)
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "model",
    [
        TwoReaders(),
        Shared(),
        Scores(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3)),
        Scores(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(4)),
    ],
)
def test_what_cannot_be_folded_exactly_is_not(model, images):
    model = ready(model)
    assert folded(model, images) is model


class Large(nn.Module):
    """A model whose logits are made large scores on a scale without bounds."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images):
        return 1e5 * (1 + 0.1 * torch.logit(self.model(images)))


@pytest.mark.parametrize(
    ("model", "left"), [(TwoReaders(), 1), (Scores(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), 0)]
)
def test_large_scores_that_lie_close_together_are_compared_by_their_differences(model, left, images):
    mapped = ready(Adapter(Large(model), score_range="unbounded"))
    with torch.inference_mode():
        assert mapped(images).dtype == torch.float64
        assert (mapped(images).max() - mapped(images).min()) < 1e-5
    assert normalisations(folded(mapped, images)) == left


def test_a_diverged_model_is_left_alone(images):
    model = ready(Scores(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    model.body[0].weight.fill_(float("nan"))
    assert folded(model, images) is model


def test_a_folded_cprl_gives_the_softened_gradient_that_the_model_gives():
    shape = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}
    model = ready(create_model("cprl", backbone="resnet18", backbone_args=shape, b=0.25))
    images = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    candidate = folded(model, images)
    assert candidate is not model

    def gradient(of, softened):
        pixels = images.clone().requires_grad_()
        with of.backward_through("soft ranks 0.1") if softened else nullcontext():
            (found,) = torch.autograd.grad(of(pixels).sum(), pixels)
        return found

    torch.testing.assert_close(gradient(candidate, True), gradient(model, True), rtol=1e-3, atol=1e-6)
    assert not torch.allclose(gradient(candidate, True), gradient(candidate, False), rtol=1e-3, atol=1e-6)


def test_a_normalisation_that_is_called_by_keyword_is_no_error(images):
    class Keyword(TwoReaders):
        def forward(self, images):
            return torch.sigmoid(self.normalisation(input=self.convolution(images)).mean(dim=(1, 2, 3)))

    model = Keyword().eval()
    torch.testing.assert_close(folded(model, images)(images), model(images))
