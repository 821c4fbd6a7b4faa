"""Builds what decodes images, from the settings and from what the machine has."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.observe.metrics import Metrics
from app.services.images.decoding_pool import DecodingPool
from app.services.images.decoding_server import DecodingServer
from app.services.images.memory_budget import MemoryBudget
from app.services.images.preparer import ImagePreparer
from app.services.images.settings import ImageSettings
from app.services.images.wire import Job
from app.utils.machine import memory_bytes

_MAX_PLACES = 4
_QUEUE_LENGTH = 64

MIB = 1024 * 1024
LARGEST_BYTES = 400 * MIB
"""What the largest image takes that the default limits admit."""

PROCESS_BYTES = 256 * MIB
"""What a worker takes without any large image: 110 MiB of its own, small images, some uploads."""


@asynccontextmanager
async def open_images(
    settings: ImageSettings,
    max_side: int,
    processes: int | None,
    metrics: Metrics,
    server: DecodingServer | None = None,
    *,
    library_path: str | None = None,
) -> AsyncIterator[ImagePreparer]:
    """Start what decodes images, unless a `server` is given; end it on leaving."""
    cores, processes = os.cpu_count() or 1, processes or 1
    own = DecodingServer(settings.pillow_formats, library_path) if server is None else None
    running = server or own
    assert running is not None
    budget = MemoryBudget(
        settings.image_decode_memory_mb * MIB or decoding_memory(memory_bytes(), cores, processes),
        settings.image_decode_lock_file,
    )
    pool = DecodingPool(running, budget, places=image_places(cores, processes), queue_length=_QUEUE_LENGTH)
    metrics.queues.watch(lambda: pool.waiting, "images")
    metrics.image_processes.watch(lambda: running.processes)
    metrics.image_memory.watch(lambda: budget.held_bytes)
    job = Job(
        tuple(sorted(settings.pillow_formats)),
        settings.image_max_pixels,
        max_side,
        settings.image_decode_seconds,
        wall_seconds=settings.image_decode_seconds,
    )
    try:
        if own is not None:
            own.start()  # it gets ready while the rest of the service does
        yield ImagePreparer(pool, job, metrics)
    finally:
        if own is not None:
            await own.close()
        budget.close()


def image_places(cores: int, processes: int) -> int:
    """Return how many images one of so many processes decodes at a time: about one a core, over all of them.

    Two at least, so that one that takes long is not all there is; never many, since a container sees all cores of its
    machine.
    """
    return min(_MAX_PLACES, max(2, cores // processes))


def decoding_memory(available_bytes: int, cores: int, processes: int) -> int:
    """Return how much memory large images may take at a time, over all processes, where the operator does not say.

    What is left beside the processes themselves, but no more than a largest image for each core, and always as much
    as one.
    """
    return max(LARGEST_BYTES, min(cores * LARGEST_BYTES, available_bytes - processes * PROCESS_BYTES))
