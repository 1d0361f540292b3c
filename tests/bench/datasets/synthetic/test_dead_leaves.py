import numpy as np

from iqabench.bench.datasets.synthetic.dead_leaves import Look, dead_leaves, pink_noise


def spectral_slope(picture):
    """Exponent of the power spectrum against frequency, averaged over directions."""
    side = len(picture)
    window = np.hanning(side)
    power = np.abs(np.fft.fft2((picture - picture.mean()) * np.outer(window, window))) ** 2
    radius = np.rint(np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)) * side)
    rings = np.arange(3, side // 3)
    means = [power[radius == ring].mean() for ring in rings]
    return np.polyfit(np.log(rings), np.log(means), 1)[0]


def scene(number, size=96):
    return dead_leaves(size, size, np.random.default_rng([7, number]))


def test_scenes_have_the_power_spectrum_of_natural_images():
    slopes = [spectral_slope(scene(number).mean(axis=2)) for number in range(8)]
    # Photographs have slopes between about -1.5 and -3 (Torralba and Oliva, 2003).
    assert -3 < np.mean(slopes) < -1.5
    assert np.ptp(slopes) < 1.5


def test_scenes_have_sharp_edges_unlike_noise_of_the_same_spectrum():
    def kurtosis(picture):
        steps = np.diff(picture, axis=1).ravel()
        return ((steps - steps.mean()) ** 4).mean() / steps.var() ** 2

    assert kurtosis(scene(0).mean(axis=2)) > 5  # heavy tails, as natural images have
    assert 2.5 < kurtosis(pink_noise(96, np.random.default_rng(0))) < 3.5  # Gaussian


def test_looks_of_photographs_differ_in_what_all_others_share():
    def contrast(picture):
        return picture.mean(axis=2).std() / 255

    def detail(picture):
        return np.log(np.abs(np.diff(picture.mean(axis=2), axis=1)).mean())

    def drawn(number):
        random = np.random.default_rng([8, number])
        return dead_leaves(64, 64, random, Look.of_a_photograph(random))

    alike, different = ([make(number) for number in range(8)] for make in (lambda n: scene(n, 64), drawn))
    for measured in (contrast, detail):
        spread = [np.std([measured(picture) for picture in pictures]) for pictures in (alike, different)]
        assert spread[1] > 3 * spread[0]


def test_what_lies_behind_is_out_of_focus():
    def sharpest(look):
        picture = dead_leaves(64, 64, np.random.default_rng(3), look).astype(float)
        return np.quantile(np.abs(np.diff(picture, axis=1)), [0.5, 0.999])

    sharp, behind, soft = (sharpest(look) for look in (Look(), Look(behind=0.9, defocus=3), Look(softness=3)))
    assert behind[0] < 0.7 * sharp[0]
    assert behind[1] > 0.8 * sharp[1]
    assert soft[1] < 0.5 * sharp[1]


def test_pink_noise_has_power_1_over_f_squared():
    noise = pink_noise(256, np.random.default_rng(3))
    power = np.abs(np.fft.fft2(noise)) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256))
    flattened = (power * frequency**2)[frequency > 0]
    low, high = (flattened[part].mean() for part in np.split(np.argsort(frequency[frequency > 0]), [32_000]))
    assert 0.95 < low / high < 1.05
    assert abs(noise.mean()) < 1e-5
    np.testing.assert_allclose(noise.std(), 1, rtol=1e-5)


def test_a_scene_has_the_shape_asked_for_and_is_well_exposed():
    picture = dead_leaves(50, 66, np.random.default_rng(4))
    assert picture.shape == (50, 66, 3)
    assert picture.dtype == np.uint8
    assert 80 < picture.mean() < 150
    assert np.mean((picture == 0) | (picture == 255)) < 0.1
