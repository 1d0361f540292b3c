"""Batches come in order, and for a GPU the next one is read while one is in use."""

import threading

import pytest
import torch

from iqabench.bench.datasets.prefetch import prefetched

CPU, CUDA, OTHER = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.mark.parametrize("device", [CPU, CUDA, OTHER], ids=str)
def test_items_come_in_order(device):
    items = list(torch.arange(5))
    found = list(prefetched(items, device))
    assert all(one is other for one, other in zip(found, items, strict=True))


@pytest.mark.parametrize(("device", "ahead"), [(CPU, 0), (CUDA, 1)], ids=["cpu", "cuda"])
def test_one_item_is_read_while_the_one_before_is_in_use(device, ahead):
    begun = [threading.Event() for _ in range(3)]

    def reading():
        for event in begun:
            event.set()
            yield torch.zeros(1)

    used = 0
    for number, _ in enumerate(prefetched(reading(), device)):
        if number + ahead < len(begun):
            assert begun[number + ahead].wait(10)
        assert not any(event.is_set() for event in begun[number + ahead + 1 :])
        used += 1
    assert used == len(begun)


@pytest.mark.parametrize("device", [CPU, CUDA], ids=str)
def test_an_error_of_reading_reaches_the_caller(device):
    def damaged():
        yield torch.zeros(1)
        raise ValueError("damaged")

    batches = prefetched(damaged(), device)
    next(batches)
    with pytest.raises(ValueError, match="damaged"):
        next(batches)
