"""What has begun goes on as if it had been awaited from the start."""

import asyncio

import pytest

from app.utils.begun import Begun


async def test_what_need_not_wait_is_done_at_once() -> None:
    async def answer() -> int:
        return 42

    begun = Begun(answer())

    assert (begun.is_done, begun.value) == (True, 42)
    assert await begun == 42


async def test_what_has_to_wait_is_awaited_to_its_end() -> None:
    first, second = asyncio.Event(), asyncio.Event()

    async def answer() -> int:
        await first.wait()
        await second.wait()
        return 42

    begun = Begun(answer())
    assert not begun.is_done
    asyncio.get_running_loop().call_soon(first.set)
    asyncio.get_running_loop().call_later(0.001, second.set)

    assert await begun == 42


async def test_a_time_out_ends_what_it_waits_for() -> None:
    event, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        try:
            await event.wait()
        finally:
            ended.set()

    begun = Begun(wait())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await begun

    assert ended.is_set()


@pytest.mark.parametrize("waits", [False, True])
async def test_its_error_is_its_callers(waits: bool) -> None:
    async def fail() -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Begun(fail())


async def test_what_it_does_with_a_cancellation_is_its_own_affair() -> None:
    """One that takes it for an answer returns that, as it would without this."""

    async def stubborn() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 42
        return 0

    async def run() -> int:
        return await Begun(stubborn())

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()

    assert await task == 42
