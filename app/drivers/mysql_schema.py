"""Changes of MySQL's schema, on one connection of its own: they may take longer than any request may."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pymysql

from app.database import Params, Row
from app.drivers.migrations import INSERT_VERSION, Migration, MigrationError, MigrationLocked, SchemaConnection
from app.drivers.mysql import pyformat
from app.drivers.mysql_connect import MySQLAddress, connect
from app.drivers.mysql_errors import error_number, numbered
from app.drivers.mysql_primary import PrimaryFinder
from app.errors import DatabaseMisconfigured, DatabaseUnavailable, ServiceError

_CONNECT_SECONDS = 10.0
_FIND_SECONDS = 30.0
_FIND_PAUSE_SECONDS = 0.5
_LOCK_SECONDS = 1
_TABLE_LOCK_ATTEMPTS = 60
_TABLE_LOCK_PAUSE_SECONDS = 1.0
_TABLE_LOCKED = 1205
_DONE_ALREADY = frozenset({1050, 1060, 1061, 1091})  # there is such a table, column, index; no such index to drop
_NO_RIGHTS = frozenset({1044, 1142, 1143, 1227})
_NO_LOGIN = 1045
_NO_DATABASE = 1049
_SESSION = (
    # Whoever wants a table while a change waits for it, waits behind the change: so it waits shortly, and again.
    "SET SESSION lock_wait_timeout = 2, innodb_lock_wait_timeout = 30, "
    "transaction_isolation = 'READ-COMMITTED', time_zone = '+00:00', "
    "sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')"
)

_HAS_TABLE = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :name"
# Such a lock is the whole server's, and its name has at most 64 characters.
_GET_LOCK = "SELECT GET_LOCK(CONCAT('schema:', SHA2(DATABASE(), 224)), :seconds)"
_RELEASE_LOCK = "SELECT RELEASE_LOCK(CONCAT('schema:', SHA2(DATABASE(), 224)))"


class MySQLSchema:
    """`SchemaConnection` over MySQL.

    A statement that changes the schema is a transaction of its own there. So a migration that was interrupted is run
    again from its beginning, and what it finds done counts as done.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @asynccontextmanager
    async def lock(self, wait_seconds: float) -> AsyncIterator[None]:
        """Hold the server's lock for this database. It ends with the connection, however the process ends."""
        end = asyncio.get_running_loop().time() + wait_seconds
        while await self.read(_GET_LOCK, {"seconds": _LOCK_SECONDS}) != [(1,)]:
            if asyncio.get_running_loop().time() >= end:
                raise MigrationLocked(f"another process has been migrating for more than {wait_seconds:g} s")
        yield
        await self.read(_RELEASE_LOCK, {})

    async def has_table(self, name: str) -> bool:
        return bool(await self.read(_HAS_TABLE, {"name": name}))

    async def read(self, sql: str, params: Params) -> list[Row]:
        with _translated_errors():
            async with self._connection.cursor() as cursor:
                await cursor.execute(pyformat(sql), params)
                return list(await cursor.fetchall())

    async def write(self, sql: str, params: Params) -> None:
        await self.read(sql, params)

    async def apply(self, migration: Migration) -> None:
        with _translated_errors(f"migration {migration.number} {migration.name}: "):
            for statement in migration.statements:
                await self._change(statement)
        await self.write(INSERT_VERSION, {"number": migration.number, "name": migration.name})

    async def _change(self, statement: str) -> None:
        for attempt in range(_TABLE_LOCK_ATTEMPTS):
            try:
                # Without a cursor, which would make Python warnings of what the server has to remark.
                await self._connection.query(statement)
                return
            except pymysql.MySQLError as error:
                if error_number(error) in _DONE_ALREADY:
                    return
                if error_number(error) != _TABLE_LOCKED or attempt == _TABLE_LOCK_ATTEMPTS - 1:
                    raise
            await asyncio.sleep(_TABLE_LOCK_PAUSE_SECONDS)


@asynccontextmanager
async def connect_mysql_schema(
    addresses: Sequence[MySQLAddress], find_seconds: float = _FIND_SECONDS
) -> AsyncIterator[SchemaConnection]:
    """Connect for the time of the block, to the primary of several. Raises `MigrationError` where that cannot be.

    For `find_seconds` there may be no primary: as long as servers start, or choose another.
    """
    try:
        with _translated_errors():
            primary = await _find_primary(addresses, find_seconds)
            async with asyncio.timeout(_CONNECT_SECONDS):
                connection = await connect(primary, init_command=_SESSION)
    except MigrationError:
        raise
    except ServiceError as error:
        raise MigrationError(f"connecting: {error.detail}") from error
    except Exception as error:
        # Something listens there that is no MySQL: what the driver stumbles over then can be anything.
        raise MigrationError(f"connecting: {type(error).__name__}") from error
    try:
        yield MySQLSchema(connection)
    finally:
        connection.close()


async def _find_primary(addresses: Sequence[MySQLAddress], seconds: float) -> MySQLAddress:
    finder = PrimaryFinder(addresses, moved=lambda: None)
    finder.start()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        return await finder.find()
                    except DatabaseMisconfigured:
                        raise  # waiting does not mend it
                    except DatabaseUnavailable:
                        await asyncio.sleep(_FIND_PAUSE_SECONDS)
        return await finder.find()
    finally:
        await finder.close()


@contextmanager
def _translated_errors(what: str = "") -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise MigrationError(f"{what}MySQL gave no answer within {_CONNECT_SECONDS:g} s") from error
    except pymysql.MySQLError as error:
        raise MigrationError(f"{what}{_reason(error_number(error))}") from error


def _reason(number: int) -> str:
    if number == _NO_DATABASE:
        return "there is no such database: run sql/init.sql, or CREATE DATABASE, as an administrator"
    if number == _NO_LOGIN:
        return f"MySQL error {number}: it refused this user: check MYSQL_USER and MYSQL_PASSWORD"
    if number in _NO_RIGHTS:
        return f"MySQL error {number}: this user may not do that; sql/README.md has the rights that migrations need"
    if number == _TABLE_LOCKED:
        return "a table was in use by a long transaction all the time; run it again"
    return numbered(number)
