"""The bounded threads: never more at once than there are places, and an answer at once for the rest."""

import asyncio
import threading

import pytest

from app.container import image_threads
from app.errors import Overloaded
from app.services.images.preparer import BoundedThreads


async def test_a_full_queue_answers_at_once() -> None:
    threads, gate = BoundedThreads(threads=1, queue_length=1), threading.Event()
    waiting = [asyncio.create_task(threads.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)  # both have taken their places

    with pytest.raises(Overloaded):
        await threads.run(gate.wait)

    gate.set()
    assert await asyncio.gather(*waiting) == [True, True]
    threads.close()


async def test_places_are_free_again_after_success_and_failure() -> None:
    threads = BoundedThreads(threads=1, queue_length=0)

    for _ in range(3):
        assert await threads.run(int, "7") == 7
        with pytest.raises(ValueError, match="invalid literal"):
            await threads.run(int, "seven")

    threads.close()


async def test_a_caller_who_leaves_does_not_free_the_thread_that_still_works() -> None:
    threads, gate = BoundedThreads(threads=1, queue_length=0), threading.Event()
    started = threading.Event()

    def work() -> None:
        started.set()
        gate.wait()

    caller = asyncio.create_task(threads.run(work))
    await asyncio.to_thread(started.wait)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    with pytest.raises(Overloaded):
        await threads.run(int)

    gate.set()
    threads.close()


@pytest.mark.parametrize(
    ("cores", "processes", "threads"), [(8, None, 4), (2, None, 2), (8, 8, 1), (8, 4, 2), (2, 8, 1), (64, 2, 4)]
)
def test_all_processes_together_prepare_an_image_a_core_and_one_of_them_never_many(
    cores: int, processes: int | None, threads: int
) -> None:
    assert image_threads(cores, processes) == threads
