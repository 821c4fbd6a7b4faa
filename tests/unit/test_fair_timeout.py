"""Others have their time; what this process misses of it, since it did something else, is given to them once more."""

import asyncio
import time

import pytest

from app.utils.fair_timeout import FairTimeout


async def wait(seconds: float | None, answered: asyncio.Event) -> None:
    async with FairTimeout(seconds):
        await answered.wait()


async def test_what_takes_longer_than_it_may_is_ended() -> None:
    began = time.monotonic()

    with pytest.raises(TimeoutError):
        await wait(0.05, asyncio.Event())

    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize("seconds", [10, None])
async def test_what_is_done_in_time_is_not_ended(seconds: float | None) -> None:
    answered = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, answered.set)

    await wait(seconds, answered)


async def test_an_event_loop_that_is_late_gives_the_time_once_more_and_not_twice() -> None:
    waiting = asyncio.create_task(wait(0.2, asyncio.Event()))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251  # the event loop stands still
    late = time.monotonic()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()

    with pytest.raises(TimeoutError):
        await waiting

    assert 0.15 <= time.monotonic() - late < 5


@pytest.mark.parametrize("seconds", [10, None])
async def test_a_cancellation_is_heard(seconds: float | None) -> None:
    waiting = asyncio.create_task(wait(seconds, asyncio.Event()))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
