"""Decides when a picture is decoded: so many at a time, large ones as there is memory, all before a deadline."""

import asyncio
from dataclasses import replace

from app.errors import Overloaded
from app.services.images.decoding_process import SMALL_BYTES
from app.services.images.decoding_server import DecodingServer
from app.services.images.memory_budget import MemoryBudget
from app.services.images.wire import Job
from app.utils.deadline import Deadline
from app.utils.image_utils import Prepared

_POLL_SECONDS = 0.02


class DecodingPool:
    """A few places for pictures, all but one of which large ones may take, and a queue of known length in front.

    A picture gets a process, which looks at its header and says what decoding will take. Where there is memory for it
    at once, the process goes on. Else it ends, and a new one is started when there is: a large picture waits without
    a place, and in a queue of its own. In the one for all, a few kilobytes of large pictures would keep all others out.
    """

    def __init__(self, server: DecodingServer, budget: MemoryBudget, *, places: int, queue_length: int) -> None:
        self._server = server
        self._budget = budget
        self._places = asyncio.Semaphore(places)
        self._large_places = max(1, places - 1)
        self._large_lock = asyncio.Lock()
        self._most = places + queue_length
        self._most_without_memory = queue_length // 2
        self._inside = 0
        self._without_memory = 0
        self._busy = 0
        self._large = 0

    @property
    def busy(self) -> int:
        """How many have a place."""
        return self._busy

    @property
    def waiting(self) -> int:
        """How many wait for a place or for memory."""
        return max(0, self._inside + self._without_memory - self._busy)

    async def prepare(self, job: Job, data: bytes, deadline: Deadline) -> Prepared:
        """Return the picture as a model gets it.

        Raises `InvalidImage`, `UnsupportedFormat`, `ImageTooManyPixels`; `Overloaded` when too many wait, or when it
        cannot be done before the deadline.
        """
        if self._inside >= self._most:
            raise Overloaded(detail="too many images wait to be decoded")
        self._inside += 1
        try:
            async with asyncio.timeout_at(deadline.at):
                try:
                    return await self._decode(job, data, deadline, None)
                except _TooLargeForNow as image:
                    memory = await self._wait_for_memory(image.memory_bytes)
                return await self._decode(job, data, deadline, memory)
        except TimeoutError:
            raise Overloaded(detail="the image was not decoded in time") from None
        finally:
            self._inside -= 1

    async def _decode(self, job: Job, data: bytes, deadline: Deadline, memory: list[int] | None) -> Prepared:
        """Give the picture a place and a process. `memory` is what a large one has been given already.

        A place and memory are free again when the process is, not when its caller is.
        """
        process, has_place = None, False

        def free() -> None:
            self._give_back(memory)
            if has_place:
                self._busy -= 1
                self._places.release()

        try:
            has_place = await self._places.acquire()
            self._busy += 1
            process = self._server.open()
            cost = await process.look(replace(job, wall_seconds=max(0.001, deadline.remaining_seconds())), data)
            if memory is None and cost.memory_bytes > SMALL_BYTES:
                memory = self._take_memory(cost.memory_bytes)
                if memory is None:
                    await process.drop()
                    raise _TooLargeForNow(cost.memory_bytes)
            return await process.decode()
        finally:
            if process is None:
                free()
            else:
                process.leave(free)

    async def _wait_for_memory(self, size: int) -> list[int]:
        """Return memory for a large picture, which leaves the queue for all meanwhile. Raises `Overloaded`."""
        if self._without_memory >= self._most_without_memory:
            raise Overloaded(detail="too many large images wait for memory")
        self._without_memory += 1
        self._inside -= 1
        try:
            async with self._large_lock:  # in the order in which they came
                while (memory := self._take_memory(size)) is None:  # noqa: ASYNC110  # other processes give it back
                    await asyncio.sleep(_POLL_SECONDS)
            return memory
        finally:
            self._without_memory -= 1
            self._inside += 1

    def _take_memory(self, size: int) -> list[int] | None:
        if self._large >= self._large_places:
            return None
        memory = self._budget.try_take(size)
        self._large += memory is not None
        return memory

    def _give_back(self, memory: list[int] | None) -> None:
        if memory is not None:
            self._large -= 1
            self._budget.give_back(memory)


class _TooLargeForNow(Exception):
    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        super().__init__(memory_bytes)
