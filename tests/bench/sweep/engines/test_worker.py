"""A measurement in parts gives what one of all images gives, to the last bit."""

import numpy as np
import pandas as pd
import pytest
import torch

from iqabench.bench.core.progress import Progress
from iqabench.bench.store.store import Store
from iqabench.bench.sweep.engines.worker import Worker


@pytest.fixture
def worker():
    return Worker(torch.device("cpu"), Progress(show=False))


def works_of(sweep):
    (job,) = sweep.jobs
    return {work.name: work for work in sweep.measurements(job, job.weights())}


def stored(sweep):
    """Scores and diagnostics by attack and epsilon."""
    found = {}
    for cell in Store(sweep.store.root).cells():
        fields = cell.provenance["cell"]
        found[fields["attack"], fields["epsilon"]] = (
            pd.read_parquet(cell.path),
            cell.provenance.get("diagnostics"),
        )
    return found


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
        worker.join(work, parts)
    one, two = stored(whole), stored(parted)
    assert len(one) == 7
    assert one.keys() == two.keys()
    for key in one:
        pd.testing.assert_frame_equal(one[key][0], two[key][0], check_exact=True)
        assert one[key][1] == two[key][1], key
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
    worker.join(work, parts)
    for key, (scores, _) in stored(whole).items():
        pd.testing.assert_frame_equal(scores, stored(parted)[key][0], check_exact=True)
