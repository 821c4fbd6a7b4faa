"""The worker that gunicorn runs: it ends in order, within a bounded time, and fails no request by ending."""

import asyncio
import os
import socket
import sys
from typing import Any, ClassVar, cast

from gunicorn.arbiter import Arbiter
from loguru import logger
from uvicorn import Config
from uvicorn_worker import UvicornWorker

from app.ending import StreamEndingServer
from app.http_protocol import LimitedProtocol

_LAST_ANSWER = (b"connection", b"close")
DRAIN_SECONDS = 2.0
"""For clients whose machine is busy too: one that was idle for longer may lose a request."""

_LOOK_SECONDS = 0.05

_LAST_LOOKS = 3
"""Turns of the event loop. A timer comes before what has arrived while the loop was held up, as it is where workers
start beside this one."""


class DrainingServer(StreamEndingServer):
    """Ends connections with an answer rather than between two.

    A proxy reuses its connections. One that is closed while idle may have the next request on its way already, and
    under load some always have: uvicorn by itself fails those. Here each open connection is told with its next answer
    that this was the last.
    """

    def __init__(self, config: Config, master: int | None = None) -> None:
        """`master` is the process id of the parent without which it is not to go on."""
        super().__init__(config)
        self._master = master

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end: also where the master was killed, which would leave a worker that nobody can stop, and
        that keeps the port from the next master."""
        if self._master not in (None, os.getppid()):
            logger.error("gunicorn's master has ended: this worker ends too")
            return True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, answer for a while what still comes in, then end as uvicorn does."""
        self.end_streams()
        self.server_state.default_headers = [*self.server_state.default_headers, _LAST_ANSWER]
        for connection in self.server_state.connections:
            cycle = cast(LimitedProtocol, connection).cycle
            if cycle is not None and not cycle.response_started:
                cycle.keep_alive = False  # it has its headers already, from when it began
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await self._drain()
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        """Return when all connections have had their last answer and are closed, or when the time for that is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN_SECONDS
        while self.server_state.connections and loop.time() < end:  # noqa: ASYNC110  # uvicorn tells nobody
            await asyncio.sleep(_LOOK_SECONDS)
        for _ in range(_LAST_LOOKS):
            await asyncio.sleep(0)


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """uvicorn under gunicorn, with an end to its patience.

    Of gunicorn's `graceful_timeout` the first half is for the requests in flight and the second for the application to
    close. Without that limit one slow upload holds the worker until gunicorn kills it, and nothing is closed.
    """

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "auto", "http": LimitedProtocol, "ws": "none"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config.timeout_graceful_shutdown = self.cfg.graceful_timeout // 2

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = DrainingServer(self.config, master=self.ppid)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
