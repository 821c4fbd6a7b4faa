"""Work in threads that nobody leaves behind."""

import asyncio
from collections.abc import Callable


async def to_thread_and_back(work: Callable[..., object], *arguments: object) -> None:
    """Do `work` in a thread and return when it is done. One who is cancelled waits for that, too; then it is cancelled.

    For work on what its caller gives up when it leaves, as a lock or a file. Raises what `work` does.
    """
    working = asyncio.create_task(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(working)
    finally:
        await asyncio.wait([working])
