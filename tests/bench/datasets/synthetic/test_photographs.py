import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
from skimage import data

from iqabench.bench.core.errors import UserError
from iqabench.bench.datasets.synthetic import photographs
from iqabench.bench.datasets.synthetic.photographs import PHOTOGRAPHS, photograph


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_in_colour_and_needs_no_download(name):
    picture = photograph(name, 96, 128)
    assert picture.shape == (96, 128, 3)
    assert np.abs(picture[..., 0].astype(int) - picture[..., 2]).mean() > 3


def test_a_photograph_is_the_middle_of_it():
    full = data.coffee()  # 400 x 600
    np.testing.assert_allclose(
        photograph("coffee", 50, 50).mean(axis=(0, 1)), full[:, 100:500].mean(axis=(0, 1)), atol=1.5
    )
    np.testing.assert_array_equal(photograph("coffee", 400, 400), full[:, 100:500])


def test_without_scikit_image_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(photographs, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'scikit-image.*pip install "iqabench\[synthetic\]"'):
        photograph("cat", 96, 128)


def test_an_installation_without_the_file_is_an_error_that_names_it(monkeypatch, tmp_path):
    origin = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(photographs, "find_spec", lambda name: origin)
    assert importlib.util.find_spec("skimage") is not origin
    with pytest.raises(UserError, match=r"chelsea\.png.*reinstall"):
        photograph("cat", 96, 128)
