"""A bounded number of connections to MySQL, kept for the next caller.

aiomysql's own pool cannot be used: it connects while holding a lock that all others wait for, waiters inside it can
hang for ever when connections die, and `connect_timeout` ends in a `wait_for` that in Python 3.11 loses a
cancellation that comes at the moment of its success: a caller whose time is up then waits for ever for a greeting.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomysql
import pymysql

from app.errors import DatabaseUnavailable

_CONNECT_SECONDS = 2.0
_CLOSE_SECONDS = 2.0
_DOUBTFUL_SECONDS = 0.5
_IDLE_SECONDS = 300.0
"""Below any usual wait_timeout, or what a firewall remembers."""


class MySQLPool:
    """Connects when it must, and only then: a server that is away is found by the first caller."""

    def __init__(self, size: int, **options: Any) -> None:
        self._size = size
        self._options = options
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Any] = []  # the one used last is taken first, so that no more are kept warm than are needed
        self._used: set[Any] = set()
        self._closing = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Give out a connection for the block. Raises `DatabaseUnavailable`, TimeoutError or pymysql's errors.

        How long to wait for one is the caller's to bound; connecting has a limit of its own.
        """
        async with self._slots:
            connection = self._take() or await self._connect()
            self._used.add(connection)
            try:
                yield connection
            except pymysql.MySQLError:
                raise  # the server has answered, or the driver has closed it
            except BaseException:
                if _silence_of(connection) > _DOUBTFUL_SECONDS:
                    # The idle ones are likely to be as dead, and each caller who finds out loses all the time it has.
                    self._drop_idle()
                connection.close()  # its answer may still be on the way
                raise
            finally:
                self._used.remove(connection)
                self._give_back(connection)

    async def close(self) -> None:
        """Close all connections, those in use as soon as they are free, or after a moment."""
        self._closing = True
        self._drop_idle()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                for _ in range(self._size):
                    await self._slots.acquire()
        except TimeoutError:
            for connection in self._used:
                connection.close()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Any | None:
        while self._idle:
            connection = self._idle.pop()
            if _is_alive(connection):
                return connection
            connection.close()
        return None

    async def _connect(self) -> Any:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await aiomysql.connect(**self._options)
        except (pymysql.MySQLError, TimeoutError):
            raise
        except Exception as error:
            # Something listens there that is no MySQL: what the driver stumbles over then can be anything.
            raise DatabaseUnavailable(detail=f"connecting: {type(error).__name__}") from error

    def _give_back(self, connection: Any) -> None:
        if connection.closed:
            return
        if self._closing or connection.get_transaction_status():
            connection.close()
        else:
            self._idle.append(connection)


def _is_alive(connection: Any) -> bool:
    """Whether the server has not hung up. aiomysql's own pool looks at the same fields, for want of public ones."""
    reader = connection._reader
    if reader is None or reader.at_eof() or reader.eof_received or reader.exception():
        return False
    return _silence_of(connection) < _IDLE_SECONDS


def _silence_of(connection: Any) -> float:
    """Return the seconds since it was last asked anything."""
    return float(connection.loop.time() - connection.last_usage)
