import numpy as np
import pytest

from iqabench.bench.datasets.synthetic.dead_leaves import dead_leaves
from iqabench.bench.datasets.synthetic.distortions import DISTORTIONS
from iqabench.bench.datasets.synthetic.fast_fading import fast_fading
from iqabench.bench.datasets.synthetic.wavelet import wavelet


@pytest.fixture(scope="module")
def source():
    return dead_leaves(64, 64, np.random.default_rng(5))


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_a_level_is_worse_than_the_one_before_it(kind, source):
    distortion = DISTORTIONS[kind]
    pictures = [
        distortion.apply(source, strength, np.random.default_rng(1)) for strength in distortion.strengths
    ]
    errors = [np.mean((picture.astype(float) - source) ** 2) for picture in pictures]
    assert errors[0] > 0
    assert np.all(np.diff(errors) > 0)
    assert errors[-1] > 3 * errors[0]


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_a_distortion_keeps_the_shape_and_repeats_itself(kind, source):
    distortion = DISTORTIONS[kind]
    wide = source[:50]
    first, second = (
        distortion.apply(wide, distortion.strengths[2], np.random.default_rng(1)) for _ in range(2)
    )
    assert first.shape == wide.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)


def test_white_noise_has_the_deviation_asked_for():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noise = DISTORTIONS["wn"].apply(grey, 12.0, np.random.default_rng(0)).astype(float) - 128
    assert noise.std() == pytest.approx(12, rel=0.02)
    assert abs(noise.mean()) < 0.2
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


def test_blur_has_the_deviation_asked_for():
    edge = np.zeros((40, 80, 3), np.uint8)
    edge[:, 40:] = 255
    profile = DISTORTIONS["gblur"].apply(edge, 3.0, np.random.default_rng(0))[20, :, 0].astype(float)
    spread = np.diff(profile) / 255  # of a step it is the Gaussian itself
    centre = (spread * np.arange(79)).sum()
    assert np.sqrt((spread * (np.arange(79) - centre) ** 2).sum()) == pytest.approx(3.0, rel=0.03)


def test_fading_without_an_error_gives_the_picture_back(source):
    received = fast_fading(source, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(received, source)


def test_fading_leaves_the_lowest_resolution_intact():
    flat = (dead_leaves(64, 64, np.random.default_rng(2)) // 4 + 96).astype(np.uint8)  # errors will not clip
    received = fast_fading(flat, 20.0, np.random.default_rng(0))
    before, after = (wavelet(picture.mean(axis=2)) for picture in (flat, received))
    np.testing.assert_allclose(after[-1], before[-1], atol=16)  # a level and its 16-fold gain, for rounding
    assert np.abs(after[0] - before[0]).max() > 20


def test_fading_damages_some_code_blocks_and_spares_others(source):
    grey = np.repeat(source.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    received = fast_fading(grey, 1.0, np.random.default_rng(0))  # 4 errors
    before, after = (wavelet(picture[..., 0].astype(float)) for picture in (grey, received))
    finest = [np.abs(after[band] - before[band]) for band in range(3)]
    changes = np.concatenate([change.reshape(2, 16, 2, 16).max(axis=(1, 3)).ravel() for change in finest])
    assert changes.max() > 10
    assert np.count_nonzero(changes < 3) >= 8  # of the 12, with rounding to whole levels
