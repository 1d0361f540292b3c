"""Quality from full-reference metrics, which compare a picture with its pristine source."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch import Tensor

from ...core.errors import UserError

Pixels = npt.NDArray[np.uint8]
Metrics = Mapping[str, Callable[[Tensor, Tensor], Tensor]]

METRICS = {"gmsd": 25, "ssim": 1, "fsim": 5, "vif": 25, "nlpd": 25}
"""Names in pyiqa, and how many pictures of 96 pixels to measure at once. More is faster only until the
allocator returns the intermediate arrays to the system each time. No metric needs a download of weights."""


CLOSEST_TO_PEOPLE = ("vif",)
"""The metric that agreed best with people's ratings of LIVE where its makers compared metrics (Sheikh, Sabir
and Bovik, 2006)."""


def load_metrics(names: Iterable[str] = METRICS) -> Metrics:
    """Return metrics by name, on the CPU.

    Each maps distorted and pristine pictures, (N, 3, H, W) in [0, 1], to (N,) values, higher is better.

    Raises:
        UserError: pyiqa is not installed.
    """
    try:
        import pyiqa
    except ImportError as error:
        raise UserError(
            "the labels of dataset 'synthetic' are made with pyiqa, which cannot be imported "
            f'({error}): pip install "iqabench[synthetic]"'
        ) from error

    def higher_is_better(name: str) -> Callable[[Tensor, Tensor], Tensor]:
        metric = pyiqa.create_metric(name, device="cpu")
        sign = -1 if metric.lower_better else 1
        return lambda pictures, sources: sign * metric(pictures, sources).flatten()

    return {name: higher_is_better(name) for name in names}


def measure(metrics: Metrics, pictures: Pixels, source: Pixels) -> npt.NDArray[np.float64]:
    """Compare distorted versions (N, H, W, 3) of a picture (H, W, 3) with it by M metrics.

    The values (N, M) are higher for better pictures, those of each metric on its own scale.
    """
    distorted = _to_tensor(pictures)
    pristine = _to_tensor(source[None]).expand_as(distorted)
    with torch.inference_mode():
        values = [
            torch.cat(
                [
                    metric(distorted[start : start + at_once], pristine[start : start + at_once])
                    for start in range(0, len(distorted), at_once)
                ]
            )
            for metric, at_once in ((metrics[name], METRICS[name]) for name in metrics)
        ]
    return torch.stack(values, dim=1).double().numpy()


def mean_rank(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return quality (N,) in [0, 1]: the mean, over M metrics (N, M), of a picture's rank among all.

    Ranks make metrics on different scales comparable, and spread the qualities evenly. A picture that is the
    worst (best) in every metric has 0 (1). N is at least 2, and higher values are better.
    """
    ranks = rankdata(values, axis=0)
    return np.asarray((ranks.mean(axis=1) - 1) / (len(values) - 1))


@contextmanager
def one_thread_per_caller() -> Iterator[None]:
    """Run torch without threads of its own, for callers that are threads, and restore its settings."""
    threads = torch.get_num_threads()
    cudnn = torch.backends.cudnn
    # pyiqa sets these flags for the time of a call and puts them back: wrongly, with several calls at once.
    with cudnn.flags(cudnn.enabled, cudnn.benchmark, deterministic=cudnn.deterministic):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _to_tensor(pictures: Pixels) -> Tensor:
    return torch.tensor(pictures).permute(0, 3, 1, 2).contiguous().float() / 255
