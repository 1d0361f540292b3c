"""`check --certified` against 1,000 attacks on each image of a small curved network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iqabench.attacks.tools.balls import L2Ball
from iqabench.bench.statistics.metrics import srocc
from iqabench.bench.store.cell_file import StoredCell, read_cell, read_scores
from iqabench.bench.store.certificates.files import ALIKE
from iqabench.bench.store.certificates.noisy_scores import NoisyScores
from iqabench.bench.store.certificates.score_bounds import ScoreBounds
from iqabench.bench.store.store import Store
from iqabench.models.defences.geometry.median_smoothing import MedianSmoothing
from iqabench.reports.checks.certified import Certified, against_certificates

from ...fabricated import drawn_cell, labels

SIGMA, SAMPLES, RADIUS = 0.1, 51, 0.1
STEPS, STARTS, RANDOM = 25, 10, 500  # 2 directions x 10 starts x 25 steps of PGD, and 500 random points
DEFENCE = {"name": "median_smoothing", "params": {"samples": SAMPLES}, "version": 1, "source": None}
ATTACKS = 2 * STARTS * STEPS + RANDOM


class Curved(nn.Module):
    """A small network whose score bends much inside the ball."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(48, 24), nn.Tanh(), nn.Linear(24, 1))
        with torch.no_grad():
            for weight in self.parameters():
                weight *= 4

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(images)).squeeze(1)


@pytest.fixture(scope="module")
def model() -> Curved:
    return Curved().requires_grad_(False)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(4, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def about(cell: StoredCell) -> dict[str, Any]:
    """What a certificate says of the model of a cell."""
    return {name: cell.provenance["cell"][name] for name in (*ALIKE, "variant")}


def bounded(store: Path, cell: StoredCell, clean: np.ndarray, quality: np.ndarray | None = None) -> None:
    """Certify that the scores of a cell's model lie within 0.02 of the clean ones, within 1/255."""
    low, high = (clean[:, None] + side for side in (-0.02, 0.02))
    images, quality = read_scores(cell).images, labels(len(clean)) if quality is None else quality
    ScoreBounds(about(cell), images, quality, (1.0,), clean, low, high).write(store)


def attacked(model: nn.Module, image: Tensor, radius: float) -> Tensor:
    """Return 1,000 points of an image's ball: random ones, and all steps of PGD on the smoothed score."""
    ball = L2Ball(image.expand(2 * STARTS, -1, -1, -1), radius)
    noise = MedianSmoothing(SIGMA, SAMPLES)
    signs = torch.tensor([1.0, -1.0]).repeat(STARTS).view(-1, 1, 1, 1)
    points, found = ball.spread(torch.randn(ball.images.shape)), []
    for _ in range(STEPS):
        pixels = points.requires_grad_()
        value = torch.stack([model(noise(pixels)) for _ in range(8)]).mean(0).sum()
        (gradient,) = torch.autograd.grad(value, pixels)
        points = ball.project(points.detach() + 0.5 * radius * signs * ball.steepest(gradient))
        found.append(points)
    anywhere = L2Ball(image.expand(RANDOM, -1, -1, -1), radius)
    found.append(anywhere.spread(torch.randn(anywhere.images.shape)))
    return torch.cat(found).detach()


def checked(store: Path, model: Curved, images: Tensor, reach: float) -> Certified:
    """Certify, attack within `reach` radii, and let the check compare; each attack is scored on its own."""
    torch.manual_seed(2)
    smoothing = MedianSmoothing(SIGMA, SAMPLES)
    fields = {"knowledge": "adaptive", "defence": [DEFENCE]}
    names, ends = tuple(f"scene0/{number}.png" for number in range(len(images))), []
    with torch.no_grad():
        noisy = torch.stack([model(smoothing(images)) for _ in range(4000)], dim=1)
    for image in images:
        points = attacked(model, image, reach * RADIUS)
        assert len(points) == ATTACKS == 1000
        assert float((points - image).flatten(1).norm(dim=1).max()) <= reach * RADIUS
        scores = smoothing.scores(model, points)
        ends.append((scores.min().item(), scores.max().item()))
    low, high = np.array(ends).T
    path = drawn_cell(
        Store(store), noisy.median(1).values.numpy(), more={"low": low, "high": high}, attack="apgd",
        epsilon=255 * RADIUS, attack_params={"norm": "l2"}, diagnostics={"draws": ATTACKS}, **fields,
    )  # fmt: skip
    cell = read_cell(path)
    NoisyScores(about(cell), names, labels(len(images)), SIGMA, SAMPLES, noisy.double().numpy()).write(store)
    (found,) = against_certificates(store)
    return found


def test_none_of_a_thousand_attacks_leaves_the_certified_intervals(
    tmp_path: Path, model: Curved, images: Tensor
) -> None:
    found = checked(tmp_path, model, images, reach=1.0)
    assert found.outside == ()
    assert found.sentence.startswith("holds: ")
    assert found.estimate <= found.attained


def test_attacks_of_a_ball_of_twice_the_radius_leave_them_all(
    tmp_path: Path, model: Curved, images: Tensor
) -> None:
    found = checked(tmp_path, model, images, reach=2.0)
    assert len(found.outside) == len(images)
    assert found.sentence.startswith("fails: ")


def test_scores_outside_0_to_1_stay_inside_intervals_that_nothing_bounds(tmp_path: Path) -> None:
    clean = 40 + 20 * np.linspace(0, 1, 6)
    path = drawn_cell(
        Store(tmp_path), clean, more={"low": clean - 5, "high": clean + 5}, attack="apgd", epsilon=255.0,
        attack_params={"norm": "l2"}, diagnostics={"draws": 1}, knowledge="adaptive", defence=[DEFENCE],
    )  # fmt: skip
    cell = read_cell(path)
    names = read_scores(cell).images
    noisy = clean[:, None] + np.random.default_rng(0).normal(size=(6, 100))
    NoisyScores(about(cell), names, labels(6), SIGMA, SAMPLES, noisy).write(tmp_path)
    (found,) = against_certificates(tmp_path)  # the radius is ten standard deviations of the noise
    assert found.outside == ()
    assert found.estimate == -1


@pytest.mark.parametrize(
    "other", [{"model_params": {"score_range": [0, 2]}}, {"model_version": 2}, {"model_source": "other"}]
)
def test_a_certificate_is_not_that_of_a_model_with_the_same_weights_and_other_scores(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    clean, known = np.linspace(0.2, 0.8, 6), {"attack": "apgd", "epsilon": 1.0}
    for scores, fields in ((clean, {}), (clean / 2, other)):
        ends = {"low": scores - 0.01, "high": scores + 0.01}
        auto = {**known, **fields, "attack_params": {"norm": "linf"}}
        cell = read_cell(drawn_cell(Store(tmp_path), scores, more=ends, **auto))
        bounded(tmp_path, cell, scores)
    found = against_certificates(tmp_path)
    assert [one.outside for one in found] == [(), ()]


@pytest.mark.parametrize(("move", "outside"), [(0.01, ()), (0.03, ("scene0/0.png",))])
def test_an_attack_without_intervals_is_held_against_them_by_its_scores(
    tmp_path: Path, move: float, outside: tuple[str, ...]
) -> None:
    clean = np.linspace(0.2, 0.8, 6)
    rank: dict[str, Any] = {"attack": "rank", "epsilon": 1.0, "attack_params": {"norm": "linf"}}
    cell = read_cell(drawn_cell(Store(tmp_path), clean + move * (np.arange(6) == 0), **rank))
    bounded(tmp_path, cell, clean)
    (found,) = against_certificates(tmp_path)
    assert found.outside == outside


def test_worst_cases_are_of_the_labels_of_the_attack_which_may_have_changed_since_the_certificate(
    tmp_path: Path,
) -> None:
    clean = np.linspace(0.2, 0.8, 6)
    auto: dict[str, Any] = {"attack": "auto", "epsilon": 1.0, "attack_params": {"norm": "linf"}}
    ends = {"low": clean - 0.01, "high": clean + 0.01}
    cell = read_cell(drawn_cell(Store(tmp_path), clean, more=ends, **auto))
    expected = np.sign(srocc(read_scores(cell).quality, clean))
    for quality in (clean, 1 - clean):
        bounded(tmp_path, cell, clean, quality)
        (found,) = against_certificates(tmp_path)
        assert (np.sign(found.attained), np.sign(found.estimate)) == (expected, expected)
