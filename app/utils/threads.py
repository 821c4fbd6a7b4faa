"""Work in threads: some that nobody leaves behind, some that may be left."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


async def to_thread_and_back(work: Callable[..., object], *arguments: object) -> None:
    """Do `work` in a thread and return when it is done. One who is cancelled waits for that, too; then it is cancelled.

    For work on what its caller gives up when it leaves, as a lock or a file. Raises what `work` does.
    """
    working = asyncio.create_task(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(working)
    finally:
        await asyncio.wait([working])


def in_own_thread(work: Callable[[], Result], name: str) -> Future[Result]:
    """Do what may hang in a thread of its own, for which neither a pool of threads nor the end of the process waits.

    One of several who wait for the future (`asyncio.wrap_future`) ends it for no other by being cancelled. Raises
    RuntimeError where no thread can be started.
    """
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
