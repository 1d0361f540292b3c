"""Batches come in order, read ahead for a GPU and for no other device, and in pinned memory for NVIDIA's."""

import threading

import pytest
import torch
from torch import Tensor

from iqabench.bench.datasets.prefetch import prefetched
from iqabench.models.recipe import Labels

CPU, CUDA, OTHER = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What is put into pinned memory, on a machine that may have no GPU."""
    asked: list[Tensor] = []

    def pin(tensor: Tensor) -> Tensor:
        asked.append(tensor)
        return tensor.clone()

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    return asked


@pytest.mark.parametrize("device", [CPU, CUDA, OTHER], ids=str)
def test_items_come_in_order(device, pins):
    items = list(torch.arange(5))
    found = list(prefetched(items, device))
    assert [int(item) for item in found] == [0, 1, 2, 3, 4]
    assert pins == (items if device == CUDA else [])
    assert device == CUDA or all(one is other for one, other in zip(found, items, strict=True))


def test_all_tensors_of_a_training_step_are_pinned(pins):
    batch = (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), Labels(torch.ones(2)))
    ((crops, labels),) = prefetched([batch], CUDA)
    assert pins[0] is batch[0]
    assert pins[1] is batch[1].quality
    assert torch.equal(crops, batch[0])
    assert isinstance(labels, Labels)
    assert labels.distribution is None


@pytest.mark.parametrize(("device", "ahead"), [(CPU, 0), (CUDA, 1)], ids=["cpu", "cuda"])
def test_one_item_is_read_while_the_one_before_is_in_use(device, ahead, pins):
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
def test_an_error_of_reading_reaches_the_caller(device, pins):
    def damaged():
        yield torch.zeros(1)
        raise ValueError("damaged")

    batches = prefetched(damaged(), device)
    next(batches)
    with pytest.raises(ValueError, match="damaged"):
        next(batches)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_a_card_gets_the_same_pixels_from_pinned_memory():
    from iqabench.bench.datasets.pixels import to_float

    batch = torch.randint(256, (4, 8, 8, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    (item,) = prefetched([batch], CUDA)
    assert item.is_pinned()
    assert torch.equal(to_float(item, "cuda").cpu(), to_float(batch, "cpu"))
