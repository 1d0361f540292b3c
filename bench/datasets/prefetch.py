"""Reading the next batch while the model works on this one."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")


def prefetched(items: Iterable[Item], device: torch.device) -> Iterator[Item]:
    """Yield the same items in the same order; for a GPU each is made while the one before it is in use.

    For a CPU nothing is gained: a thread that reads would only take a core from the model.
    """
    iterator = iter(items)
    if device.type == "cpu":
        yield from iterator
        return
    done = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as reader:
        upcoming = reader.submit(next, iterator, done)
        while (item := upcoming.result()) is not done:
            upcoming = reader.submit(next, iterator, done)
            yield item  # type: ignore[misc]
