"""A bounded number of connections to MySQL, kept for the next caller.

aiomysql's own pool cannot be used: it connects while holding a lock that all others wait for, waiters inside it can
hang for ever when connections die, and `connect_timeout` ends in a `wait_for` that in Python 3.11 loses a
cancellation that comes at the moment of its success: a caller whose time is up then waits for ever for a greeting.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pymysql

from app.drivers.mysql_connect import hang_up
from app.drivers.mysql_errors import CONNECT_ANEW, error_number
from app.errors import DatabaseUnavailable, ServiceError
from app.utils.places import Places

_CONNECT_SECONDS = 2.0
_CLOSE_SECONDS = 2.0
_DOUBTFUL_SECONDS = 0.5
_IDLE_SECONDS = 300.0
"""Below any usual wait_timeout, or what a firewall remembers."""

_KEPT_IDLE = 2
"""A lookup and a commit of one process run at the same time."""

_YOUNG_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class _Pooled:
    """A connection, when it was made, and from when on it is not given out again: moments of the loop's clock."""

    connection: Any
    made_at: float
    retires_at: float


class MySQLPool:
    """Connects when it must, and only then: a server that is away is found by the first caller.

    Connections that a burst made are closed when they have been idle for `spare_seconds`: other processes may need
    them. None grows older than `max_age_seconds`, so that all of them follow the server's name to another machine.
    """

    def __init__(
        self,
        size: int,
        connect: Callable[[], Awaitable[Any]],
        set_up: Callable[[Any], Awaitable[None]],
        *,
        spare_seconds: float = 30.0,
        max_age_seconds: float = 900.0,
    ) -> None:
        self._connect_somewhere = connect
        self._set_up = set_up
        self._spare_seconds = spare_seconds
        self._max_age_seconds = max_age_seconds
        self._server = 0
        """How many servers there were before this one."""
        self.places = Places(size, waiting=None)
        self._idle: list[_Pooled] = []
        self._used: set[_Pooled] = set()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closing = False

    @property
    def idle(self) -> int:
        """How many connections nobody uses."""
        return len(self._idle)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Give out a connection for the block. Raises `DatabaseUnavailable`, TimeoutError or pymysql's errors.

        How long to wait for one is the caller's to bound; connecting has a limit of its own.
        """
        async with self.places.take():
            if self._closing:
                raise DatabaseUnavailable(detail="the connections are being closed")
            pooled = self._take() or await self._connect()
            self._used.add(pooled)
            try:
                yield pooled.connection
            except pymysql.MySQLError as error:  # the server has answered, or the driver has closed the connection
                if error_number(error) in CONNECT_ANEW:
                    self._retire_all(pooled)
                raise
            except ServiceError:
                raise  # our own, before anything was sent
            except BaseException:
                if _silence_of(pooled.connection) > _DOUBTFUL_SECONDS:
                    # The idle ones are likely to be as dead, and each caller who finds out loses all the time it has.
                    self._drop_idle()
                pooled.connection.close()  # its answer may still be on the way
                raise
            finally:
                self._used.remove(pooled)
                self._give_back(pooled)

    def leave(self) -> None:
        """Go to another server: close all connections to this one at once. Who waits there for an answer need not."""
        self._server += 1
        self._drop_idle()
        for pooled in self._used:
            hang_up(pooled.connection)

    async def close(self) -> None:
        """Close all connections, those in use as soon as they are free, or after a moment."""
        self._closing = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        self._drop_idle()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS), AsyncExitStack() as all_places:
                for _ in range(self.places.running):
                    await all_places.enter_async_context(self.places.take())
        except TimeoutError:
            for pooled in self._used:
                pooled.connection.close()

    def _retire_all(self, pooled: _Pooled) -> None:
        """Retire all connections: a new one may reach another server, the primary, or have rights that they have not.

        Not when the one in question is new: then others would fare the same.
        """
        now = _now()
        if now - pooled.made_at > _YOUNG_SECONDS:
            for other in self._used:
                other.retires_at = now
            self._drop_idle()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().connection.close()

    def _take(self) -> _Pooled | None:
        while self._idle:
            pooled = self._idle.pop()
            if _is_alive(pooled.connection) and _now() < pooled.retires_at:
                return pooled
            pooled.connection.close()
        return None

    async def _connect(self) -> _Pooled:
        server = self._server
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                connection = await self._connect_somewhere()
                try:
                    await self._set_up(connection)
                except BaseException:
                    connection.close()
                    raise
        except (pymysql.MySQLError, TimeoutError, ServiceError):
            raise
        except Exception as error:
            # Something listens there that is no MySQL: what the driver stumbles over then can be anything.
            raise DatabaseUnavailable(detail=f"connecting: {type(error).__name__}") from error
        if server != self._server:  # we left it meanwhile
            connection.close()
            return await self._connect()
        # Not all at once: what a burst made would be made again by the next caller, and the next, and the next.
        age = self._max_age_seconds * random.uniform(0.8, 1.0)  # noqa: S311  # nosec B311  # spreads load
        return _Pooled(connection, _now(), _now() + age)

    def _give_back(self, pooled: _Pooled) -> None:
        connection = pooled.connection
        if connection.closed:
            return
        if self._closing or connection.get_transaction_status() or _now() >= pooled.retires_at:
            connection.close()
        else:
            self._idle.append(pooled)
            self._sweep_later()

    def _sweep_later(self) -> None:
        if self._sweep_timer is None and len(self._idle) > _KEPT_IDLE:
            loop = asyncio.get_running_loop()
            self._sweep_timer = loop.call_later(self._spare_seconds / 3, self._sweep)

    def _sweep(self) -> None:
        """Close the connections that have not been needed for a while, but for a few."""
        self._sweep_timer = None
        while len(self._idle) > _KEPT_IDLE and _silence_of(self._idle[0].connection) >= self._spare_seconds:
            self._idle.pop(0).connection.close()
        self._sweep_later()


def _is_alive(connection: Any) -> bool:
    """Whether the server has not hung up. aiomysql's own pool looks at the same fields, for want of public ones."""
    reader = connection._reader
    if reader is None or reader.at_eof() or reader.eof_received or reader.exception():
        return False
    return _silence_of(connection) < _IDLE_SECONDS


def _silence_of(connection: Any) -> float:
    """Return the seconds since it was last asked anything."""
    return float(connection.loop.time() - connection.last_usage)


def _now() -> float:
    return asyncio.get_running_loop().time()
