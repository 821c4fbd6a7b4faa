"""Builds what runs the embedded network, from what the machine has."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.observe.metrics import Metrics
from app.services.network.pool import NetworkPool, NetworkProcess, network_server
from app.utils.forking.server import ForkingServer

_MAX_PLACES = 4
_QUEUE_LENGTH = 64

NetworkServer = ForkingServer[NetworkProcess]


@asynccontextmanager
async def open_network(
    is_used: bool,
    processes: int | None,
    metrics: Metrics,
    server: NetworkServer | None = None,
    *,
    library_path: str | None = None,
) -> AsyncIterator[NetworkPool | None]:
    """Start what runs the network, unless a `server` is given; end it on leaving. `processes` are the workers.

    Where it is not used nothing is started, and there is none.
    """
    if not is_used:
        yield None
        return
    own = network_server(library_path) if server is None else None
    running = server or own
    assert running is not None
    pool = NetworkPool(running, places=network_places(os.cpu_count() or 1, processes or 1), queue_length=_QUEUE_LENGTH)
    metrics.queues.watch(lambda: pool.waiting, "network")
    metrics.network_processes.watch(lambda: pool.processes)
    try:
        if own is not None:
            own.start()  # it gets ready while the rest of the service does
        yield pool
    finally:
        if own is not None:
            await own.close()


def network_places(cores: int, processes: int) -> int:
    """Return how many pictures one of so many workers looks at at a time: one a core, over all of them, as far as
    that goes. Never many, since a container sees all cores of its machine."""
    return min(_MAX_PLACES, max(1, cores // processes))
