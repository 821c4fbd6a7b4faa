"""Calls a function for many items in a few threads, and takes no item before a thread is free for it."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Value = TypeVar("Value")
Item = TypeVar("Item")


def in_threads(
    items: Iterable[Item],
    function: Callable[[Item], Value],
    concurrency: int,
    on_done: Callable[[Value, int], object] | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> list[Value]:
    """Return the function's values in the order of the items, each taken when a thread is free for it.

    Once `is_stopped`, no more items are taken, and the values of those that are under way are the last.
    """
    numbered = enumerate(items)
    taking, telling = threading.Lock(), threading.Lock()
    stopped = threading.Event()
    values: dict[int, Value] = {}

    def work() -> None:
        try:
            while not (stopped.is_set() or is_stopped()):
                with taking:
                    taken = next(numbered, None)
                if taken is None:
                    return
                value = function(taken[1])
                with telling:
                    values[taken[0]] = value
                    if on_done is not None:
                        on_done(value, len(values))
        finally:
            stopped.set()  # no item is left, or this thread failed: either way none should be begun

    with ThreadPoolExecutor(max(1, concurrency)) as pool:
        workers = [pool.submit(work) for _ in range(max(1, concurrency))]
        try:
            for worker in workers:
                worker.result()
        finally:
            stopped.set()
    return [values[index] for index in sorted(values)]
