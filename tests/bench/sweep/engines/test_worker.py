"""A measurement in parts gives what one of all images gives, to the last bit."""

import numpy as np
import pytest
import torch

from iqabench.bench.core.progress import Progress
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.engines.worker import Worker
from iqabench.tests.bench.sweep.conftest import assert_same_scores


@pytest.fixture
def worker():
    return Worker(torch.device("cpu"), Progress(show=False))


def works_of(sweep):
    (job,) = sweep.jobs
    return {work.name: work for work in sweep.measurements(job)}


@pytest.mark.parametrize("model", ["linear", "noisy"])
def test_parts_give_what_the_whole_gives(planned, worker, model):
    chosen = {"attacks": ["pgd", "apgd", "square"], "models": [model], "limit": 6}
    whole, parted = planned("whole", **chosen), planned("parted", **chosen)
    for work in works_of(whole).values():
        worker.measure(work)
    for name, work in works_of(parted).items():
        parts = work.parts(3)
        assert len(parts) > 1, name
        for part in reversed(parts):
            worker.measure_part(work, part)
        worker.measure(work, parts)
    assert len(list(Store(whole.store.root).cells())) == 7
    assert_same_scores(whole.store.root, parted.store.root)
    assert not [path for path in (parted.store.root / "partial").rglob("*") if path.is_file()]


def test_parts_are_whole_batches_and_cover_every_image_once(planned):
    work = works_of(planned("store"))["pgd"]  # in batches of 2
    images = len(work.data.rows)
    for most in range(1, images + 2):
        parts = work.parts(most)
        covered = np.concatenate([np.arange(images)[part] for part in parts])
        assert covered.tolist() == [*range(images)]
        assert all(part.start % 2 == 0 for part in parts)
        assert all(part.stop - part.start <= max(2, most + 1) for part in parts)


def test_a_part_that_was_lost_is_measured_again_when_all_are_joined(planned, worker):
    whole, parted = planned("whole", attacks=["apgd"]), planned("parted", attacks=["apgd"])
    worker.measure(works_of(whole)["apgd"])
    work = works_of(parted)["apgd"]
    parts = work.parts(3)
    worker.measure_part(work, parts[0])
    worker.measure(work, parts)
    assert_same_scores(whole.store.root, parted.store.root)
