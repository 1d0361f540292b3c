"""Reading the next batch while the model works on this one."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetched(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order, each made in a thread while the one before it is in use."""
    iterator = iter(items)
    done = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as reader:
        upcoming = reader.submit(next, iterator, done)
        while (item := upcoming.result()) is not done:
            upcoming = reader.submit(next, iterator, done)
            yield item  # type: ignore[misc]
