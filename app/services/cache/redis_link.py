"""Redis through redis-py: a few commands, each within a short time or not at all. Vendor errors stop here.

redis-py's connections are used, and not its client or its pool, which do several times as much for a command: they
count for OpenTelemetry, lock, and look whether there is something to read.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

from loguru import logger
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from app.observe.metrics import Metrics
from app.services.cache.errors import RedisAway
from app.utils.fair_timeout import FairTimeout
from app.utils.keep_doing import keep_doing

MOST_CONNECTIONS = 4
"""Beside the one that listens: two batches of lookups, one of writes, one message."""

_PROBE_SECONDS = 1.0
_CONNECT_SECONDS = 1.0
_WRITE_SECONDS = 1.0
"""For values that are written, up to 512 at once: nobody waits for them."""

_QUIET_SECONDS = 30.0
"""After so long without a message it is asked whether the other end is still there."""

Command = Sequence[str | bytes | int]


class RedisLink:
    """A few connections to one server, to be probed before it is used. No reader waits longer than `timeout_seconds`,
    or twice that where this process itself was busy.

    A server that does not answer in time, or not as it should, is asked nothing more by callers: they are told at once
    that it is away. Every second it is tried in the background, and asked again as soon as it answers in time.
    """

    def __init__(self, url: str, timeout_seconds: float, metrics: Metrics) -> None:
        # RESP2 has all that is used here, and nothing that comes unasked.
        self._pool = ConnectionPool.from_url(url, protocol=2, retry=Retry(NoBackoff(), 0))
        # Time is limited here, once for all that a caller asks. redis-py's own limit makes a task of each command, and
        # in Python 3.11 loses a cancellation that comes as the command is sent: `asyncio.wait_for` does.
        self._pool.connection_kwargs.update(socket_timeout=None, socket_connect_timeout=None)
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._idle: list[AbstractConnection] = []
        self._used = 0
        self._adding: asyncio.Task[None] | None = None
        self._away = False
        self._closing = False

    @property
    def is_away(self) -> bool:
        """Whether it is not asked anything at the moment."""
        return self._away

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value of each key, None where there is none. Raises `RedisAway`."""
        (values,) = await self._ask([("MGET", *keys)])
        if isinstance(values, list) and len(values) == len(keys):
            return [value if isinstance(value, bytes) else None for value in values]
        self._note_failure("refused")
        raise self._note_away(_said(values))

    async def set_many(self, values: Mapping[str, bytes], ttl_seconds: int) -> None:
        """Keep values for so long, each by its key. Raises `RedisAway`, also where it takes no writes."""
        commands = [("SET", key, value, "EX", ttl_seconds) for key, value in values.items()]
        replies = await self._ask(commands, _WRITE_SECONDS)
        refused = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if refused is not None:  # for want of memory, or as a replica: what is there can still be read
            self._note_failure("refused")
            raise RedisAway(_said(refused))

    async def publish(self, channel: str) -> None:
        """Wake whoever listens on a channel. Raises `RedisAway`."""
        await self._ask([("PUBLISH", channel, b"")])

    async def fetch_facts(self) -> Mapping[str, str]:
        """Return what the server says of itself (`INFO`). Raises `RedisAway`."""
        (text,) = await self._ask([("INFO",)])
        if not isinstance(text, bytes):
            raise RedisAway(_said(text))
        lines = text.decode("utf-8", "replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    async def run_forever(self) -> None:
        """Try the server every second, from the next second on."""
        await keep_doing(self.probe, lambda: _PROBE_SECONDS, "trying Redis")

    async def probe(self) -> None:
        """Find out whether the server answers in time, by all connections that nobody uses, and by at least one."""
        try:
            if not self._idle and (self._away or not self._used):
                self._idle.append(await self._connect())
            for connection in self._idle[:]:
                if connection in self._idle:  # still: callers take them meanwhile
                    await self._try(connection)
        except RedisAway as error:
            self._note_away(error.detail)
            await self._drop_idle()  # they are likely to be as dead
            return
        if self._away:
            self._away = False
            logger.info("Redis answers")

    async def _try(self, connection: AbstractConnection) -> None:
        """Ask what callers ask: a server may let a user do one thing and not another."""
        (reply,) = await self._exchange([("MGET", "photos:probe")], connection)
        if not isinstance(reply, list):
            raise RedisAway(_said(reply))

    async def listen(self, channel: str) -> AsyncGenerator[None]:
        """Yield after each message on a channel, and now and then without one.

        Raises `RedisAway` when the connection is lost.
        """
        connection = await self._connect()
        try:
            async with _translated_errors(_CONNECT_SECONDS):
                await connection.send_command("SUBSCRIBE", channel)
                await connection.read_response()
            while True:
                async with _translated_errors(None):
                    message = await connection.read_response(timeout=_QUIET_SECONDS)
                if message is None:
                    async with _translated_errors(_CONNECT_SECONDS):
                        await connection.send_command("PING")
                        await connection.read_response()
                yield
        finally:
            await connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Close the connections, those in use as soon as they are free."""
        self._away = self._closing = True
        if self._adding is not None:
            self._adding.cancel()
            await asyncio.wait([self._adding])
        await self._drop_idle()

    async def _ask(self, commands: Sequence[Command], seconds: float | None = None) -> list[Any]:
        """Send commands together and return what is answered to each, in so much time, or in a caller's.

        Raises `RedisAway`.
        """
        if self._away:
            raise RedisAway("it did not answer lately")
        if not self._idle:
            self._add_connection()
            self._note_failure("busy")
            raise RedisAway("all connections are in use")
        try:
            return await self._exchange(commands, self._idle[-1], seconds)
        except RedisAway as error:
            raise self._note_away(error.detail) from error

    def _add_connection(self) -> None:
        """Make one more connection, which no caller waits for: it takes several times as long as an answer."""
        if self._adding is None and self._used < MOST_CONNECTIONS:
            self._adding = asyncio.create_task(self._add())

    async def _add(self) -> None:
        try:
            self._idle.append(await self._connect())
        except RedisAway as error:
            self._note_away(error.detail)
        finally:
            self._adding = None

    async def _exchange(
        self, commands: Sequence[Command], connection: AbstractConnection, seconds: float | None = None
    ) -> list[Any]:
        """Send commands by a connection that nobody uses, and return what is answered."""
        self._idle.remove(connection)
        self._used += 1
        began = perf_counter()
        try:
            async with _translated_errors(seconds or self._timeout_seconds):
                await connection.send_packed_command(connection.pack_commands(commands))
                replies = [await _read(connection) for _ in commands]
        except BaseException as error:
            await connection.disconnect(nowait=True)  # answers may still be on the way
            if isinstance(error, RedisAway):
                self._note_failure("timeout" if isinstance(error.__cause__, TimeoutError) else "lost")
            raise
        finally:
            self._used -= 1
            self._metrics.redis_seconds.observe(perf_counter() - began)
        self._idle.append(connection)
        if self._closing:
            await self._drop_idle()
        return replies

    async def _connect(self) -> AbstractConnection:
        """Return a new connection, with time for TLS and a login. Raises `RedisAway`."""
        async with _translated_errors(_CONNECT_SECONDS):
            return await self._open()

    async def _open(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    def _note_failure(self, reason: str) -> None:
        self._metrics.redis_errors.add(reason)

    def _note_away(self, detail: str) -> RedisAway:
        """Ask it nothing more until it answers a probe. Return the error for the caller."""
        if not self._away:
            self._away = True
            logger.warning("going on without Redis", detail=detail)
        return RedisAway(detail)

    async def _drop_idle(self) -> None:
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)


async def _read(connection: AbstractConnection) -> Any:
    """Return one answer. One that is an error is returned as well: those behind it are still to be read."""
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


@asynccontextmanager
async def _translated_errors(seconds: float | None) -> AsyncIterator[None]:
    """Let the block take so long; None: as long as it likes. A busy process of ours is no Redis that is away.

    Raises `RedisAway` for whatever goes wrong, without the server's own words: they may quote what was sent.
    """
    try:
        async with FairTimeout(seconds):
            yield
    except TimeoutError as error:
        raise RedisAway("no answer in time") from error
    except RedisAway:
        raise
    except Exception as error:
        # Something may listen there that is no Redis: what the driver stumbles over then can be anything.
        raise RedisAway(type(error).__name__) from error


def _said(reply: object) -> str:
    """Return what the log says of an answer that is an error, or of a kind that was not asked for."""
    return type(reply).__name__
