import numpy as np
import pytest

from iqabench.bench.datasets.synthetic.wavelet import LEVELS, inverse_wavelet, wavelet

# One half of the symmetric 9/7 analysis filters (Antonini et al., 1992), scaled to be near orthonormal.
LOW_PASS = np.sqrt(2) * np.array(
    [0.602949018236, 0.266864118443, -0.078223266529, -0.016864118443, 0.026748757411]
)
HIGH_PASS = np.sqrt(2) * np.array([0.557543526229, -0.295635881557, -0.028771763114, 0.045635881557])


def filtered(signal, half):
    return np.convolve(signal, np.r_[half[:0:-1], half], mode="same")


@pytest.mark.parametrize("shape", [(96, 96), (64, 80), (50, 61), (17, 33)])
def test_inverse_restores_the_picture(shape):
    picture = np.random.default_rng(0).uniform(-128, 128, shape)
    np.testing.assert_allclose(inverse_wavelet(wavelet(picture), shape), picture, atol=1e-9)


def test_bands_are_those_of_the_9_7_filters():
    signal = np.random.default_rng(0).normal(size=512)
    bands = wavelet(np.tile(signal, (16, 1)))  # constant down: each low-pass there multiplies by sqrt(2)
    inner = slice(4, -4)  # the reference does not mirror the ends
    high = filtered(signal, HIGH_PASS)[1::2]
    np.testing.assert_allclose(bands[0][0, inner], np.sqrt(2) * high[inner], atol=1e-7)
    low = signal
    for _ in range(LEVELS):
        low = filtered(low, LOW_PASS)[::2]
    np.testing.assert_allclose(bands[-1][0, inner], np.sqrt(2) ** LEVELS * low[inner], atol=1e-6)


def test_a_constant_has_no_details():
    *details, low = wavelet(np.full((96, 96), 7.0))
    assert all(np.abs(band).max() < 1e-9 for band in details)
    np.testing.assert_allclose(low, 7.0 * 2**LEVELS)


def test_energy_is_nearly_kept():
    picture = np.random.default_rng(1).normal(size=(128, 128))
    energy = sum(float((band**2).sum()) for band in wavelet(picture))
    assert energy == pytest.approx(float((picture**2).sum()), rel=0.1)
