"""BRISQUE is that of the package `brisque` 0.2.0, and its gradient is exact."""

import pickletools
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.signal import convolve2d
from scipy.special import gamma

from iqabench.bench.core.errors import UserError
from iqabench.models import create_model
from iqabench.models.brisque.exact import WEIGHTS, centred, halved, luminance, windowed
from iqabench.models.brisque.features import brisque_features
from iqabench.models.brisque.model import BRISQUE, FILE, HIGHEST, LOWEST
from iqabench.models.brisque.shape import ratio_of_shape, shape_of_ratio
from iqabench.models.brisque.svr import read_svr
from iqabench.testing import check_model

from ...brisque_scores import DISTORTIONS, PHOTOGRAPHS, Scored, distorted, kept, photograph

DATA = Path(__file__).parents[2] / "data" / "brisque"


@pytest.fixture(scope="module")
def model() -> BRISQUE:
    return BRISQUE().eval().requires_grad_(False)


def as_images(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def some() -> list[Scored]:
    """Every photograph as it is, and half of them distorted: all would take a minute."""
    scores = {(line.photograph, line.distortion, line.strength): line for line in kept()}
    assert len(scores) == len(PHOTOGRAPHS) * len(DISTORTIONS)
    changes = DISTORTIONS[1:]
    return [
        scores[name, *distortion]
        for place, name in enumerate(PHOTOGRAPHS)
        for distortion in (DISTORTIONS[0], *changes[place // 2 % len(changes) :][: 1 - place % 2])
    ]


@pytest.mark.parametrize(
    "line", some(), ids=lambda line: f"{line.photograph}-{line.distortion}-{line.strength:g}"
)
def test_scores_of_photographs_at_full_size_are_those_of_the_package(model, line):
    pixels = distorted(photograph(line.photograph), line.distortion, line.strength)
    assert zlib.crc32(pixels.tobytes()) == line.crc, "another photograph than the package scored"
    with torch.inference_mode():
        assert float(model(as_images(pixels))) == pytest.approx(1 - line.score / 100, abs=1e-5)


def test_the_ranges_of_the_features_are_those_in_the_pickle_of_the_package_which_is_not_loaded():
    operations = [
        (op.name, value) for op, value, _ in pickletools.genops((DATA / "normalize.pickle").read_bytes())
    ]
    assert [value for name, value in operations if name == "SHORT_BINUNICODE"] == ["min_", "max_"]
    assert [value for name, value in operations if name == "BINFLOAT"] == [*LOWEST, *HIGHEST]


def test_the_weights_are_the_file_of_the_package():
    digest = "19526fb799c4c7992ccc109fcfecddb25976ba024b194cd3ee275d27e8909c8d"
    assert sha256(FILE.read_bytes()).hexdigest() == digest
    assert (FILE.parent / "LICENSE").read_text().lstrip().startswith("Apache License")


def test_gradients_are_those_of_finite_differences(model):
    images = torch.rand(2, 3, 23, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(
        model.brisque, images.requires_grad_(), fast_mode=True, eps=1e-7, atol=1e-3
    )
    assert torch.autograd.gradcheck(brisque_features, images, fast_mode=True, eps=1e-7)
    (exact,) = torch.autograd.grad(model(images).sum(), images)
    single = images.detach().float().requires_grad_()
    (gradient,) = torch.autograd.grad(model(single).sum(), single)
    torch.testing.assert_close(gradient.double(), exact, rtol=1e-3, atol=1e-3 * float(exact.abs().max()))


def test_a_step_along_the_gradient_changes_the_score_of_a_photograph_as_foretold(model):
    images = as_images(photograph("coffee.png")[:200, :200]).requires_grad_()
    (gradient,) = torch.autograd.grad(model(images).sum(), images)
    step = 1e-3 / 255
    with torch.inference_mode():
        change = float(model(images.double() + step * gradient.sign()) - model(images.double()))
    assert change == pytest.approx(step * float(gradient.abs().sum()), rel=0.05)


def test_better_pictures_have_higher_scores(model):
    pixels = photograph("astronaut.png")[100:300, 100:300]
    worse = [distorted(pixels, kind, strength) for kind, strength in (("noise", 16.0), ("noise", 48.0))]
    with torch.inference_mode():
        scores = [float(model(as_images(picture))) for picture in (pixels, *worse)]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("grey", [0.0, 0.3, 1.0])
def test_a_flat_picture_has_a_finite_score_and_gradient(model, grey):
    images = torch.full((1, 3, 32, 40), grey, requires_grad=True)
    score = model(images)
    (gradient,) = torch.autograd.grad(score.sum(), images)
    assert torch.isfinite(score).all()
    assert torch.isfinite(gradient).all()


def test_the_contract_of_models_is_kept():
    check_model(lambda: create_model("brisque"), trained=False)


def test_shapes_are_those_of_a_root_finder_and_the_derivative_is_that_of_the_implicit_function():
    def phi(alpha: float) -> float:
        return float(gamma(2 / alpha) ** 2 / (gamma(1 / alpha) * gamma(3 / alpha)))

    ratios = torch.linspace(0.1, 0.73, 9, dtype=torch.float64, requires_grad=True)
    expected = [brentq(lambda alpha, ratio=ratio: phi(alpha) - ratio, 0.1, 50) for ratio in ratios.tolist()]
    torch.testing.assert_close(shape_of_ratio(ratios), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(ratio_of_shape(shape_of_ratio(ratios)), ratios)
    assert torch.autograd.gradcheck(shape_of_ratio, ratios)


def test_window_and_half_size_are_those_of_scipy_and_opencv():
    values = torch.rand(1, 21, 34, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(windowed(values)[0], convolve2d(values[0], WEIGHTS, "same"), rtol=1e-13)
    assert np.sum(WEIGHTS) == pytest.approx(1)
    assert torch.autograd.gradcheck(windowed, values[:, :9, :8].clone().requires_grad_())
    cv2 = pytest.importorskip("cv2")
    half = cv2.resize(values[0].numpy(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(halved(values)[0], half, rtol=1e-13)


def test_where_a_picture_is_flat_the_rounding_errors_are_those_of_scipy_to_the_last_bit():
    values = torch.rand(2, 20, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values[1, 3:, 5:] = 0.7
    expected = values[1] - torch.from_numpy(convolve2d(values[1], WEIGHTS, "same"))
    flat = expected.abs() < 1e-14
    assert flat.sum() == 11 * 13
    assert torch.equal(centred(values)[1][flat], expected[flat])
    assert expected[flat].abs().max() > 0


def test_luminance_is_that_of_scikit_image_to_the_last_bit():
    color = pytest.importorskip("skimage.color")
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    expected = color.rgb2gray(pixels)
    np.testing.assert_allclose(luminance(as_images(pixels))[0], expected, rtol=0, atol=2e-16)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "svm_type"),
        (FILE.read_text().replace("rbf", "linear"), "kernel linear"),
        (FILE.read_text()[:-500], ""),
    ],
    ids=["empty", "another kernel", "cut short"],
)
def test_a_file_that_is_not_such_a_regression_is_named(tmp_path, text, message):
    (tmp_path / "svm.txt").write_text(text)
    with pytest.raises(UserError, match="not a regression with radial basis functions") as caught:
        read_svr(tmp_path / "svm.txt", 36)
    assert message in str(caught.value)
