"""Background work goes on whatever happens to it."""

import asyncio

from app.errors import DatabaseUnavailable
from app.utils.keep_doing import keep_doing


async def test_no_failure_ends_it() -> None:
    failures = [DatabaseUnavailable(), ZeroDivisionError(), None]
    done = asyncio.Event()

    async def work() -> None:
        failure = failures.pop(0)
        if failure is not None:
            raise failure
        done.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(keep_doing(work, lambda: 0, "testing"))
    async with asyncio.timeout(5):
        await done.wait()

    assert not task.done()
    task.cancel()
