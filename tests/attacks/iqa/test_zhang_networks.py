"""Zhang et al. with LPIPS and DISTS: pyiqa's architectures with drawn weights, and no network."""

import socket

import pytest
import torch

pytest.importorskip("pyiqa")

from iqabench import UserError
from iqabench.attacks import create_attack
from iqabench.attacks.tools.objectives import ascend, descend
from iqabench.attacks.tools.perceptual import network
from iqabench.tests.perceptual_weights import (
    FILES,
    names_what_is_missing,
    no_initial_values,
    write_perceptual_weights,
)

EPSILON = 16 / 255
FEWEST = {"lpips": 31, "dists": 1}

both = pytest.mark.parametrize("metric", FILES)
pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(autouse=True, scope="module")
def weights(tmp_path_factory):
    """A folder with drawn weights of both; the networks are built once."""
    folder = tmp_path_factory.mktemp("weights")
    for name in FILES:
        write_perceptual_weights(name, folder)
        with no_initial_values():
            network(name, str(folder), False)
    yield str(folder)
    network.cache_clear()


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("asks for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def images():
    """Smooth images, on which a perturbation is easy to see."""
    ramp = torch.linspace(0.3, 0.7, 32)
    return torch.stack([ramp.view(1, 1, -1).expand(3, 32, 32), ramp.view(1, -1, 1).expand(3, 32, 32)]) * (
        torch.tensor([1.0, 0.8, 0.9]).view(3, 1, 1)
    )


@both
def test_a_distance_is_zero_at_equal_images_and_grows_with_the_change(metric, weights, images):
    change = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    distance = network(metric, weights, False).distance
    found = [distance((images + size * change).clamp(0, 1), images) for size in (0.0, 0.02, 0.1)]
    torch.testing.assert_close(found[0], torch.zeros(2), atol=1e-6, rtol=0)
    assert (found[1] > 1e-5).all()
    assert (found[2] > found[1]).all()


@both
def test_the_gradient_of_the_price_is_that_of_finite_differences(metric, weights, images):
    generator = torch.Generator().manual_seed(2)
    clean, direction = images.double(), torch.randn(images.shape, generator=generator).double()
    moved = clean + 0.02 * torch.randn(images.shape, generator=generator).double()
    attack = create_attack(f"zhang_{metric}", weights_dir=weights, weight=3.0)
    _, slope = attack.price(moved, clean)
    above, below = (attack.price(moved + step * direction, clean)[0] for step in (1e-7, -1e-7))
    expected = (above - below) / 2e-7
    torch.testing.assert_close((slope * direction).sum((1, 2, 3)), expected, rtol=1e-4, atol=1e-7)
    assert expected.abs().min() > 1e-4


@both
@pytest.mark.parametrize("objective", [ascend, descend])
def test_it_moves_scores_inside_the_ball_and_a_price_makes_the_change_less_visible(
    metric, objective, weights, images, model
):
    labels, found = torch.full((2,), 0.5), {}
    distance = network(metric, weights, False).distance
    for weight in (0.0, 0.1):
        attack = create_attack(f"zhang_{metric}", weights_dir=weights, weight=weight, steps=6)
        (attacked,) = attack.perturb(model, images, labels, [EPSILON], objective=objective)
        assert (attacked - images).abs().max() <= EPSILON
        with torch.no_grad():
            change = objective(model(attacked), labels) - objective(model(images), labels)
        assert (change > 0).all()
        found[weight] = distance(attacked, images), change
    assert (found[0.1][0] < found[0.0][0]).all()
    assert (found[0.1][1] < found[0.0][1]).all()


@both
def test_the_smallest_side_is_that_which_the_network_takes(metric, weights):
    attack = create_attack(f"zhang_{metric}", weights_dir=weights)
    assert attack.smallest == FEWEST[metric]
    attack.distance(*torch.rand(2, 1, 3, attack.smallest, attack.smallest))
    if attack.smallest > 1:
        with pytest.raises(RuntimeError):
            attack.distance(*torch.rand(2, 1, 3, attack.smallest - 1, 64))


@both
def test_the_weights_are_frozen_and_told_by_their_digest(metric, weights, tmp_path):
    attack = create_attack(f"zhang_{metric}", weights_dir=weights)
    assert not any(weight.requires_grad for weight in network(metric, weights, False).model.parameters())
    files = write_perceptual_weights(metric, tmp_path)
    with no_initial_values():
        same = create_attack(f"zhang_{metric}", weights_dir=str(tmp_path)).weights_digest
    own = torch.load(tmp_path / files.own)
    torch.save({key: 2 * value for key, value in own.items()}, tmp_path / files.own)
    with no_initial_values():
        other = network.__wrapped__(metric, str(tmp_path), False).digest
    assert same == attack.weights_digest != other


@both
def test_missing_weights_are_named_with_where_to_put_them(metric, tmp_path):
    with pytest.raises(UserError) as raised:
        create_attack(f"zhang_{metric}", weights_dir=str(tmp_path))
    assert names_what_is_missing(str(raised.value), metric, tmp_path)
