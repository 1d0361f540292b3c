"""Processes at one store divide what is measured of a job, too."""

import time
from threading import Thread

import torch

from iqabench.bench.store.store import Store
from iqabench.bench.sweep.engines.local import run_here


def attacks_in(store):
    return {cell.provenance["cell"]["attack"] for cell in Store(store.root).cells()}


def test_what_another_process_measures_is_left_to_it_and_the_rest_is_not(planned):
    sweep = planned("store")
    (job,) = sweep.jobs
    works = {work.name: work for work in sweep.measurements(job)}
    with works["fgsm"].lock():
        other = Thread(target=lambda: run_here(sweep, torch.device("cpu"), score=True, show=False))
        other.start()
        end = time.monotonic() + 60
        while attacks_in(sweep.store) != {"none", "pgd"} and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        assert attacks_in(sweep.store) == {"none", "pgd"}
        assert sweep.summary.total == 0  # it waits
    other.join(60)
    assert attacks_in(sweep.store) == {"none", "fgsm", "pgd"}
    assert (sweep.summary.computed, sweep.summary.found) == (5, 0)
