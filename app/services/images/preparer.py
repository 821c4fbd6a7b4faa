"""Leases an uploaded image into the small clean JPEG that a model gets, off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import ParamSpec, TypeVar

from app.errors import Overloaded, ServiceError
from app.observe.metrics import Metrics
from app.utils.image_utils import ImageLimits, prepare_jpeg

P = ParamSpec("P")
T = TypeVar("T")


class BoundedThreads:
    """A few threads and a queue of known length in front of them. A full queue fails at once with `Overloaded`."""

    def __init__(self, *, threads: int, queue_length: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="images")
        self._free_places = threads + queue_length
        self._queue_length = queue_length

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return max(0, self._queue_length - self._free_places)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns, run in one of the threads."""
        if self._free_places == 0:
            raise Overloaded
        self._free_places -= 1
        loop = asyncio.get_running_loop()

        def leave(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop is gone: the process is ending
                loop.call_soon_threadsafe(self._leave)

        future = self._executor.submit(function, *args, **kwargs)
        # A place is free when its thread is, not when a caller stops waiting for it.
        future.add_done_callback(leave)
        return await asyncio.wrap_future(future)

    def _leave(self) -> None:
        self._free_places += 1

    def close(self) -> None:
        """Drop what waits; what runs ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class ImagePreparer:
    """Prepares images within the operator's limits."""

    threads: BoundedThreads
    limits: ImageLimits
    max_side: int
    metrics: Metrics

    async def prepare(self, data: bytes) -> bytes:
        """Return the JPEG to send.

        Raises `UnsupportedFormat`, `InvalidImage`, `ImageTooManyPixels`, or `Overloaded` when too many wait.
        """
        started = perf_counter()
        try:
            jpeg = await self.threads.run(prepare_jpeg, data, self.limits, self.max_side)
        except ServiceError as error:
            self.metrics.images_rejected.add(error.code)
            raise
        self.metrics.images_prepared.add()
        self.metrics.image_seconds.observe(perf_counter() - started)
        return jpeg
