"""Reading the next batch while the model works on this one."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")


def prefetched(items: Iterable[Item], device: torch.device) -> Iterator[Item]:
    """Yield the same items in the same order; for a GPU each is made while the one before it is in use.

    Items are tensors in the memory of the processor, or tuples of them. Those for a GPU of NVIDIA come in
    pinned memory, which the card reads by itself while the processor goes on. For a CPU nothing is gained: a
    thread that reads would only take a core from the model.
    """
    if device.type == "cpu":
        yield from items
        return
    ready = map(pinned, items) if device.type == "cuda" else iter(items)
    done = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as reader:
        upcoming = reader.submit(next, ready, done)
        while (item := upcoming.result()) is not done:
            upcoming = reader.submit(next, ready, done)
            yield item  # type: ignore[misc]


def pinned(item: Any) -> Any:
    """Return a tensor, or a tuple of them, in pinned memory; anything else as it is."""
    if isinstance(item, Tensor):
        return item.pin_memory()
    if not isinstance(item, tuple):
        return item
    parts = [pinned(part) for part in item]
    return item._make(parts) if hasattr(item, "_make") else tuple(parts)  # a named tuple stays one
