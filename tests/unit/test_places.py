"""So many run, so many wait, and no more."""

import asyncio

import pytest

from app.errors import Overloaded
from app.utils.places import Places


async def stay(places: Places, leave: asyncio.Event) -> None:
    async with places.take():
        await leave.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_caller_for_whom_there_is_no_place_is_told_at_once() -> None:
    places, leave = Places(running=2, waiting=1), asyncio.Event()
    present = [asyncio.create_task(stay(places, leave)) for _ in range(3)]
    await settle()

    assert (places.in_use, places.waiting) == (2, 1)
    with pytest.raises(Overloaded):
        async with places.take():
            pass

    leave.set()
    await asyncio.gather(*present)
    assert (places.in_use, places.waiting) == (0, 0)


async def test_who_waits_too_long_is_told_at_that_moment() -> None:
    places, leave = Places(running=1, waiting=1), asyncio.Event()
    present = asyncio.create_task(stay(places, leave))
    await settle()

    with pytest.raises(Overloaded):
        async with places.take(until=asyncio.get_running_loop().time() + 0.01):
            pass

    assert places.waiting == 0
    leave.set()
    await present


async def test_who_leaves_while_waiting_frees_its_place() -> None:
    places, leave = Places(running=1, waiting=1), asyncio.Event()
    running, waiting = (asyncio.create_task(stay(places, leave)) for _ in range(2))
    await settle()

    waiting.cancel()
    await asyncio.wait([waiting])

    assert (places.in_use, places.waiting) == (1, 0)
    leave.set()
    await running


async def test_a_timeout_inside_the_block_is_the_blocks_own() -> None:
    places = Places(running=1, waiting=0)

    with pytest.raises(TimeoutError):
        async with places.take(until=asyncio.get_running_loop().time() + 60):
            raise TimeoutError


async def test_where_time_bounds_the_wait_as_many_wait_as_come() -> None:
    places, leave = Places(running=1, waiting=None), asyncio.Event()
    present = [asyncio.create_task(stay(places, leave)) for _ in range(1000)]
    await settle()

    assert (places.in_use, places.waiting) == (1, 999)

    leave.set()
    await asyncio.gather(*present)
    assert (places.in_use, places.waiting) == (0, 0)
