"""MySQL through aiomysql, guarded: every call runs under one time limit, and is repeated where that is safe.

`docs/decisions/0003-database.md` says more.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal, TypeVar

import pymysql
from loguru import logger

from app.database import DatabaseNode, Fetch, Load, Params, Row, Sql, Statement, StatementTooLarge
from app.drivers.check import CHECK, SELECT_VERSION, check_version
from app.drivers.mysql_connect import MySQLAddress, connect
from app.drivers.mysql_errors import CONNECTION_LOST, LOCK_CONFLICT, READ_ONLY, error_number, translated
from app.drivers.mysql_pool import MySQLPool
from app.drivers.mysql_primary import PrimaryFinder
from app.drivers.mysql_session import Session
from app.drivers.silence import Silence
from app.errors import DatabaseMisconfigured, DatabaseUnavailable, ServiceError
from app.utils.places import Places

_LOCK_ATTEMPTS = 4

_ASK_FOR_A_SIGN = Sql.same("SELECT 1")
_IS_READ_ONLY = Sql.same("SELECT @@GLOBAL.read_only OR @@GLOBAL.super_read_only")
_TAKES_NO_WRITES = (
    "the server takes no writes (read_only): it is a replica, or a primary that was demoted; "
    "let MYSQL_HOST name the primary, or all servers of the cluster"
)

# The isolation of other transactions, READ COMMITTED, would let each statement see another moment.
_BEGIN_SNAPSHOT = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)

T = TypeVar("T")
Work = Callable[[Any], Awaitable[T]]


class MySQLDatabase:
    """`Database` over MySQL: one server, or the primary of several.

    Opening it waits for nothing: a server that is away is found by the first call.
    """

    def __init__(self, addresses: Sequence[MySQLAddress], pool_size: int, timeout_seconds: float) -> None:
        self._login = addresses[0]
        self._session = Session()
        self._primary = PrimaryFinder(addresses, self._moved)
        self._pool = MySQLPool(pool_size, self._connect, self._session.set_up)
        # Reads that may take long get a part of the pool, so that statistics cannot hold up the product.
        self._slow_places = Places(max(1, pool_size // 4), waiting=None)
        self._timeout_seconds = timeout_seconds
        self._silence = Silence()
        self._unwritable: str | None = None
        """Why the last transaction could not be written, where only a person can mend it."""

    @classmethod
    async def open(cls, *addresses: MySQLAddress, pool_size: int, timeout_seconds: float = 3.0) -> "MySQLDatabase":
        """Return a database with an empty pool of at most `pool_size` connections."""
        database = cls(addresses, pool_size, timeout_seconds)
        database._primary.start()
        return database

    @property
    def nodes(self) -> list[DatabaseNode]:
        return self._primary.nodes

    @property
    def load(self) -> Load:
        places = self._pool.places
        return Load(places.in_use, places.waiting + self._slow_places.waiting, places.running)

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        async def read(connection: Any) -> list[Row]:
            async with connection.cursor() as cursor:
                await cursor.execute(pyformat(sql.mysql), params)
                return list(await cursor.fetchall())

        if timeout_seconds is None or timeout_seconds <= self._timeout_seconds:
            return await self._guarded(read, timeout_seconds or self._timeout_seconds)
        return await self._slowly(read, timeout_seconds)

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        async def read(connection: Any) -> T:
            async with connection.cursor() as cursor:

                async def fetch(sql: Sql, params: Params) -> list[Row]:
                    await cursor.execute(pyformat(sql.mysql), params)
                    return list(await cursor.fetchall())

                for statement in _BEGIN_SNAPSHOT:
                    await cursor.execute(statement)
                try:
                    result = await work(fetch)
                except ServiceError:
                    await connection.rollback()
                    raise
                await connection.rollback()
                return result

        return await self._slowly(read, timeout_seconds)

    async def _slowly(self, work: Work[T], timeout_seconds: float) -> T:
        """Run what may take long, in one of the places for such."""
        if self._silence.lasts:  # where nobody else asks, nobody else would find out that it is over
            await self.fetch_all(_ASK_FOR_A_SIGN, {})
        try:
            async with asyncio.timeout(timeout_seconds), self._slow_places.take():
                return await self._guarded(work, timeout_seconds)
        except TimeoutError as error:
            raise DatabaseUnavailable(detail=f"no connection was free within {timeout_seconds:g} s") from error

    async def execute(self, sql: Sql, params: Params) -> int:
        async def write(connection: Any) -> int:
            async with connection.cursor() as cursor:
                return int(await cursor.execute(pyformat(sql.mysql), params))

        return await self._guarded(write, self._timeout_seconds)

    async def commit(self, statements: Sequence[Statement]) -> None:
        try:
            await self._run_transaction(statements, "COMMIT")
        except DatabaseMisconfigured as error:
            self._unwritable = error.detail
            raise
        self._unwritable = None

    async def rehearse(self, statements: Sequence[Statement]) -> None:
        await self._run_transaction(statements, "ROLLBACK")

    async def check(self) -> None:
        check_version(await self.fetch_all(SELECT_VERSION, {}))
        await self.fetch_all(CHECK, {})
        ((is_read_only,),) = await self.fetch_all(_IS_READ_ONLY, {})
        if is_read_only:
            raise DatabaseUnavailable(detail=_TAKES_NO_WRITES)
        # Records that wait are tried again and again: they will tell when it is mended.
        if self._unwritable is not None:
            raise DatabaseMisconfigured(detail=self._unwritable)

    async def close(self) -> None:
        await self._primary.close()
        await self._pool.close()

    async def _connect(self) -> Any:
        address = await self._primary.find()
        try:
            return await connect(address)
        except ServiceError:  # its name was not found, or TLS failed
            self._primary.doubt()
            raise

    def _moved(self) -> None:
        """The primary is another one: what was known of the one before is not true of it."""
        self._pool.leave()
        self._silence.note_answer()

    async def _run_transaction(self, statements: Sequence[Statement], end: Literal["COMMIT", "ROLLBACK"]) -> None:
        async def write(connection: Any) -> None:
            try:
                async with connection.cursor() as cursor:
                    writes = [cursor.mogrify(pyformat(sql.mysql), params) for sql, params in statements]
                for packet in self._session.packets(["BEGIN", *writes, end]):
                    await connection.run(packet)
            except pymysql.MySQLError:
                # The statements after the one that failed, the end among them, have not been run.
                with suppress(pymysql.MySQLError):  # the connection may be what failed
                    await connection.rollback()
                raise

        await self._guarded(write, self._timeout_seconds, repeat_lost=False)

    async def _guarded(self, work: Work[T], timeout_seconds: float, *, repeat_lost: bool = True) -> T:
        quick = timeout_seconds <= self._timeout_seconds
        began = self._silence.admit(timeout_seconds, quick=quick)
        try:
            async with asyncio.timeout(timeout_seconds):
                result = await self._repeated(work, lost_allowed=int(repeat_lost))
        except TimeoutError as error:
            if quick:  # that a slow read is slow says nothing about the others
                self._silence.note_none(began)
            self._primary.doubt()
            raise DatabaseUnavailable(detail=f"MySQL gave no answer within {timeout_seconds:g} s") from error
        except pymysql.MySQLError as error:
            self._silence.note_answer()
            ours = translated(error, self._login.user, self._login.database)
            if isinstance(ours, DatabaseUnavailable):
                self._primary.doubt()
            raise ours from error
        except StatementTooLarge:
            self._silence.note_nothing(began)  # nothing was sent
            raise
        except ServiceError:
            self._silence.note_answer()  # from whatever is at the other end
            raise
        except BaseException:
            self._silence.note_nothing(began)
            raise
        self._silence.note_answer()
        return result

    async def _repeated(self, work: Work[T], *, lost_allowed: int) -> T:
        """Run `work` on a connection, again where that is safe: after a lost connection, after a lock conflict, and at
        the new primary after it was refused by the old."""
        lost = conflicts = 0
        may_move = self._primary.has_choice
        while True:
            try:
                async with self._pool.connection() as connection:
                    return await work(connection)
            except pymysql.MySQLError as error:
                number = error_number(error)
                if number in READ_ONLY and may_move:
                    may_move = False
                    await self._primary.look_again()
                    continue
                lost += number in CONNECTION_LOST
                conflicts += number in LOCK_CONFLICT
                if number not in CONNECTION_LOST | LOCK_CONFLICT or lost > lost_allowed or conflicts >= _LOCK_ATTEMPTS:
                    raise
                logger.info("repeating a database call", mysql_errno=number)


@lru_cache(maxsize=256)
def pyformat(text: str) -> str:
    """Return a `:name` statement as the driver wants it: `%(name)s`."""
    return re.sub(r"(?<![:\w]):([a-z_]+)", r"%(\1)s", text.replace("%", "%%"))
