"""Nobody leaves a thread behind."""

import asyncio
import threading

import pytest

from app.utils.threads import to_thread_and_back


async def test_one_who_is_cancelled_leaves_when_the_thread_is_done() -> None:
    began, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(began.set)
        may_end.wait(10)

    waiting = asyncio.create_task(to_thread_and_back(work))
    await began.wait()
    waiting.cancel()
    await asyncio.wait([waiting], timeout=0.05)
    assert not waiting.done()

    may_end.set()
    await asyncio.wait([waiting])

    assert waiting.cancelled()


async def test_what_goes_wrong_in_the_thread_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await to_thread_and_back(int, "x")
