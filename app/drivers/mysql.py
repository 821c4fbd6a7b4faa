"""MySQL 8+ through aiomysql, guarded: every call runs under one time limit, and is repeated where that is safe.

`docs/decisions/0003-database.md` says more.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import pymysql
from loguru import logger

from app.database import ConstraintError, Load, Params, Queue, Row, Sql, Statement
from app.drivers.check import CHECKS, SELECT_VERSION, check_version
from app.drivers.migrations import COMMAND
from app.drivers.mysql_pool import MySQLPool
from app.drivers.silence import Silence
from app.errors import DatabaseNotInitialized, DatabaseUnavailable

# MySQL error numbers: https://dev.mysql.com/doc/mysql-errors/9.7/en/
CONNECTION_LOST = frozenset({1053, 2006, 2013, 2055})
LOCK_CONFLICT = frozenset({1205, 1213})
NOT_OURS = frozenset({1049, 1054, 1146})  # no such database, column, table
_LOCK_ATTEMPTS = 4
_SESSION = (
    "SET SESSION transaction_isolation = 'READ-COMMITTED', time_zone = '+00:00', "
    # Values that do not fit are errors, whatever the server's default.
    "sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), "
    "max_execution_time = 3000, innodb_lock_wait_timeout = 3"
)

T = TypeVar("T")
Work = Callable[[Any], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class MySQLAddress:
    """Where the server is and who we are there."""

    host: str
    port: int
    user: str
    password: str
    database: str


class MySQLDatabase:
    """`Database` over MySQL. Opening it connects to nothing: a server that is away is found by the first call."""

    def __init__(self, pool: MySQLPool, pool_size: int, timeout_seconds: float) -> None:
        self._pool = pool
        self._pool_size = pool_size
        self._queue = Queue(pool_size)
        # Reads that may take long get a part of the pool, so that statistics cannot hold up the product.
        self._slow_slots = asyncio.Semaphore(max(1, pool_size // 4))
        self._slow_queue = Queue(max(1, pool_size // 4))
        self._timeout_seconds = timeout_seconds
        self._silence = Silence()

    @classmethod
    async def open(cls, address: MySQLAddress, *, pool_size: int, timeout_seconds: float = 3.0) -> "MySQLDatabase":
        """Return a database with an empty pool of at most `pool_size` connections."""
        pool = MySQLPool(
            pool_size,
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            db=address.database,
            # Without autocommit a connection keeps its old snapshot and serves stale rows.
            autocommit=True,
            charset="utf8mb4",
            init_command=_SESSION,
        )
        return cls(pool, pool_size, timeout_seconds)

    @property
    def load(self) -> Load:
        return Load(self._queue.in_use, self._queue.waiting + self._slow_queue.waiting, self._pool_size)

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        async def read(connection: Any) -> list[Row]:
            async with connection.cursor() as cursor:
                await cursor.execute(_pyformat(sql.mysql), params)
                return list(await cursor.fetchall())

        if timeout_seconds is None or timeout_seconds <= self._timeout_seconds:
            return await self._guarded(read, timeout_seconds or self._timeout_seconds)
        try:
            async with asyncio.timeout(timeout_seconds), self._slow_queue, self._slow_slots:
                return await self._guarded(read, timeout_seconds)
        except TimeoutError as error:
            raise DatabaseUnavailable(detail=f"no turn within {timeout_seconds:g} s") from error

    async def execute(self, sql: Sql, params: Params) -> int:
        async def write(connection: Any) -> int:
            async with connection.cursor() as cursor:
                return int(await cursor.execute(_pyformat(sql.mysql), params))

        return await self._guarded(write, self._timeout_seconds)

    async def commit(self, statements: Sequence[Statement]) -> None:
        async def write(connection: Any) -> None:
            try:
                async with connection.cursor() as cursor:
                    writes = [cursor.mogrify(_pyformat(sql.mysql), params) for sql, params in statements]
                    # One packet and one answer: with a round trip a statement a batch would take twice as long.
                    await cursor.execute("; ".join(["BEGIN", *writes, "COMMIT"]))
                    while await cursor.nextset():
                        pass
            except pymysql.MySQLError:
                # The statements after the one that failed, COMMIT among them, have not been run.
                with suppress(pymysql.MySQLError):  # the connection may be what failed
                    await connection.rollback()
                raise

        await self._guarded(write, self._timeout_seconds, repeat_lost=False)

    async def check(self) -> None:
        check_version(await self.fetch_all(SELECT_VERSION, {}))
        for sql in CHECKS:
            await self.fetch_all(sql, {})

    async def close(self) -> None:
        await self._pool.close()

    async def _guarded(self, work: Work[T], timeout_seconds: float, *, repeat_lost: bool = True) -> T:
        begun = self._silence.admit(timeout_seconds)
        try:
            async with asyncio.timeout(timeout_seconds), self._queue:
                result = await self._repeated(work, lost_allowed=int(repeat_lost))
        except TimeoutError as error:
            if timeout_seconds <= self._timeout_seconds:  # that a slow read is slow says nothing about the others
                self._silence.note_none(begun)
            raise DatabaseUnavailable(detail=f"MySQL gave no answer within {timeout_seconds:g} s") from error
        except pymysql.MySQLError as error:
            self._silence.note_answer()
            raise _translated(error) from error
        self._silence.note_answer()
        return result

    async def _repeated(self, work: Work[T], *, lost_allowed: int) -> T:
        """Run `work` on a connection, again where that is safe: after a lost connection, after a lock conflict."""
        lost = conflicts = 0
        while True:
            try:
                async with self._pool.connection() as connection:
                    return await work(connection)
            except pymysql.MySQLError as error:
                number = _errno(error)
                lost += number in CONNECTION_LOST
                conflicts += number in LOCK_CONFLICT
                if number not in CONNECTION_LOST | LOCK_CONFLICT or lost > lost_allowed or conflicts >= _LOCK_ATTEMPTS:
                    raise
                logger.info("repeating a database call", mysql_errno=number)


def _translated(error: Exception) -> Exception:
    """Return our error for the server's. Its text stays out: it may quote values."""
    number = _errno(error)
    if number in NOT_OURS:
        return DatabaseNotInitialized(detail=f"MySQL error {number}: tables or columns are missing; run {COMMAND}")
    if isinstance(error, pymysql.IntegrityError):
        return ConstraintError(f"MySQL error {number}")
    if isinstance(error, pymysql.OperationalError | pymysql.InterfaceError | pymysql.InternalError):
        return DatabaseUnavailable(detail=f"MySQL error {number}")
    return error


def _errno(error: Exception) -> int:
    return int(error.args[0]) if error.args and isinstance(error.args[0], int) else 0


@lru_cache(maxsize=256)
def _pyformat(text: str) -> str:
    """Return a `:name` statement as the driver wants it: `%(name)s`."""
    return re.sub(r"(?<![:\w]):([a-z_]+)", r"%(\1)s", text.replace("%", "%%"))
