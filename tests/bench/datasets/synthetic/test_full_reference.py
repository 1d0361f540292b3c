import sys

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from iqabench.bench.core.errors import UserError
from iqabench.bench.datasets.synthetic.dead_leaves import dead_leaves
from iqabench.bench.datasets.synthetic.full_reference import (
    METRICS,
    load_metrics,
    mean_rank,
    measure,
    one_thread_per_caller,
)


def test_mean_rank_where_metrics_agree():
    values = np.array([[1.0, -30], [3, -10], [2, -20]])
    np.testing.assert_allclose(mean_rank(values), [0, 1, 0.5])


def test_mean_rank_where_metrics_disagree_and_tie():
    # Ranks 1 2 3 4 and 3.5 3.5 1.5 1.5: means 2.25, 2.75, 2.25, 2.75 on a scale from 1 to 4.
    values = np.array([[1.0, 9], [2, 9], [3, 5], [4, 5]])
    np.testing.assert_allclose(mean_rank(values), np.array([1.25, 1.75, 1.25, 1.75]) / 3)


def test_every_metric_rates_the_pristine_picture_best_and_more_noise_worse():
    source = dead_leaves(64, 64, np.random.default_rng(0))
    noise = np.random.default_rng(1).normal(size=source.shape)
    pictures = np.stack([(source + level * noise).clip(0, 255).astype(np.uint8) for level in (0, 10, 40)])
    values = measure(load_metrics(), pictures, source)
    assert values.shape == (3, len(METRICS))
    assert np.all(np.diff(values, axis=0) < 0)


def test_ssim_is_that_of_scikit_image():
    source = dead_leaves(64, 64, np.random.default_rng(0))
    noisy = (source + np.random.default_rng(1).normal(0, 15, source.shape)).clip(0, 255).astype(np.uint8)
    ours = measure({"ssim": load_metrics()["ssim"]}, noisy[None], source)[0, 0]
    luma = [picture @ np.array([0.299, 0.587, 0.114]) for picture in (source, noisy)]
    theirs = structural_similarity(
        *luma, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ours == pytest.approx(theirs, abs=2e-3)


def test_torch_is_left_as_it_was():
    threads, cudnn = torch.get_num_threads(), torch.backends.cudnn
    before = (cudnn.enabled, cudnn.benchmark, cudnn.deterministic)
    with one_thread_per_caller():
        assert torch.get_num_threads() == 1
        cudnn.deterministic = not cudnn.deterministic
    assert torch.get_num_threads() == threads
    assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic) == before


def test_without_pyiqa_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(UserError, match=r'pyiqa.*pip install "iqabench\[synthetic\]"'):
        load_metrics()
