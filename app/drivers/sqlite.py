"""SQLite, the embedded database: one file in WAL mode; a connection that writes, one for quick reads, one for long."""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Literal, TypeVar

import aiosqlite

from app.database import ConstraintError, DatabaseNode, Fetch, Load, Params, Row, Sql, Statement, ValueRejected
from app.drivers.check import CHECK, SELECT_VERSION, check_version
from app.drivers.migrations import COMMAND, MigrationError
from app.drivers.sqlite_schema import bring_up_to_date
from app.errors import DatabaseNotInitialized, DatabaseRejected, DatabaseUnavailable, ServiceError
from app.utils.places import Places

# FULL: a commit survives a power cut, not only a crash. busy_timeout lets several processes share the file.
_PRAGMAS = "PRAGMA busy_timeout = 3000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
# That a file has its tables says nothing about their rows.
_NEWEST_ROWS = (
    "SELECT image_hash, last_hit_at FROM image_classification_cache ORDER BY id DESC LIMIT 1",
    "SELECT request_id, created_at FROM request_log ORDER BY id DESC LIMIT 1",
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_OPEN_SECONDS = 10.0
_TRY_AGAIN_SECONDS = 0.02

T = TypeVar("T")


class SQLiteDatabase:
    """`Database` over one file. Several processes of one machine may open it."""

    def __init__(self, path: Path, connections: Sequence[aiosqlite.Connection], timeout_seconds: float) -> None:
        self._path = path
        self._inode = _inode_of(path)
        self._damaged = False
        self._writer, self._reader, self._slow_reader = connections
        self._timeout_seconds = timeout_seconds
        self._places = self._writing, self._reading, self._slow_reading = [Places(1, waiting=None) for _ in range(3)]
        self._running: set[asyncio.Task[int]] = set()

    @classmethod
    async def open(cls, path: Path, *, timeout_seconds: float = 5.0, migrate: bool = True) -> "SQLiteDatabase":
        """Open the file, made where it is missing. Unless told not to, bring its schema up to date.

        Raises OSError or sqlite3.Error where the path cannot be used, `MigrationError` where its schema cannot change.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as opened:
            connections = []
            for _ in range(3):
                connections.append(await _connect(path))
                opened.push_async_callback(connections[-1].close)
            if migrate:
                await _bring_up_to_date(connections[0])
            opened.pop_all()
        return cls(path, connections, timeout_seconds)

    @property
    def load(self) -> Load:
        in_use = sum(places.in_use for places in self._places)
        return Load(in_use, sum(places.waiting for places in self._places), len(self._places))

    @property
    def nodes(self) -> tuple[DatabaseNode, ...]:
        return ()

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        if timeout_seconds is None or timeout_seconds <= self._timeout_seconds:
            limit = asyncio.timeout(timeout_seconds or self._timeout_seconds)
            async with self._translated_errors(), limit, self._reading.take():
                return [tuple(row) for row in await self._reader.execute_fetchall(sql.sqlite, _bound(params))]
        async with self._translated_errors(), asyncio.timeout(timeout_seconds), self._slow_reading.take():
            try:
                return [tuple(row) for row in await self._slow_reader.execute_fetchall(sql.sqlite, _bound(params))]
            except asyncio.CancelledError:
                # The query would go on. Nobody else's runs on this connection.
                await self._slow_reader.interrupt()
                raise

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        async def fetch(sql: Sql, params: Params) -> list[Row]:
            return [tuple(row) for row in await self._slow_reader.execute_fetchall(sql.sqlite, _bound(params))]

        async with self._translated_errors(), asyncio.timeout(timeout_seconds), self._slow_reading.take():
            await self._slow_reader.execute("BEGIN")
            try:
                return await work(fetch)
            except asyncio.CancelledError:
                await self._slow_reader.interrupt()
                raise
            finally:
                await self._slow_reader.execute("ROLLBACK")

    async def execute(self, sql: Sql, params: Params) -> int:
        return await self._write([(sql, params)])

    async def commit(self, statements: Sequence[Statement]) -> None:
        await self._write(statements)

    async def rehearse(self, statements: Sequence[Statement]) -> None:
        await self._write(statements, end="ROLLBACK")

    async def check(self) -> None:
        self._check_path()
        if self._damaged:
            raise DatabaseUnavailable(detail="SQLite: the file is damaged: replace it by a copy, and restart")
        async with self._translated_errors(), asyncio.timeout(self._timeout_seconds):
            check_version([tuple(row) for row in await self._reader.execute_fetchall(SELECT_VERSION.sqlite)])
            for text in (CHECK.sqlite, *_NEWEST_ROWS):
                await self._reader.execute_fetchall(text)

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._timeout_seconds)
        for connection in (self._slow_reader, self._reader, self._writer):
            await connection.close()

    async def _write(self, statements: Sequence[Statement], end: Literal["COMMIT", "ROLLBACK"] = "COMMIT") -> int:
        """Run one transaction in a task of its own: a caller that is cancelled must not leave it half done."""
        self._check_path()
        task = asyncio.create_task(self._transaction(statements, end))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        async with self._translated_errors(), asyncio.timeout(self._timeout_seconds):
            return await asyncio.shield(task)

    async def _transaction(self, statements: Sequence[Statement], end: Literal["COMMIT", "ROLLBACK"]) -> int:
        changed = 0
        async with self._writing.take():
            await self._writer.execute("BEGIN IMMEDIATE")
            try:
                for sql, params in statements:
                    cursor = await self._writer.execute(sql.sqlite, _bound(params))
                    changed += max(0, cursor.rowcount)
                    await cursor.close()
                await self._writer.execute(end)
            except BaseException:
                if self._writer.in_transaction:
                    await self._writer.execute("ROLLBACK")
                raise
        return changed

    def _check_path(self) -> None:
        """Raise `DatabaseUnavailable` if the file was moved, deleted or replaced: nobody would see what is written."""
        if _inode_of(self._path) != self._inode:
            raise DatabaseUnavailable(detail=f"SQLite: {self._path} is not the file that was opened: restart")

    @asynccontextmanager
    async def _translated_errors(self) -> AsyncIterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise DatabaseUnavailable(detail="SQLite gave no answer in time") from error
        except sqlite3.Error as error:
            self._damaged = self._damaged or _code_of(error) in _DAMAGED
            raise _translated(error) from error


def _bound(params: Params) -> dict[str, str | int | float | None]:
    return {name: json.dumps(value) if isinstance(value, tuple) else value for name, value in params.items()}


def _translated(error: sqlite3.Error) -> ServiceError:
    """Return our error for SQLite's. Its text stays out: it may quote values."""
    reason = f"SQLite: {getattr(error, 'sqlite_errorname', type(error).__name__)}"
    if _code_of(error) == sqlite3.SQLITE_ERROR:
        return DatabaseNotInitialized(detail=f"{reason}: tables or columns are missing; run {COMMAND}")
    if isinstance(error, sqlite3.IntegrityError):
        return ConstraintError(detail=reason)
    if isinstance(error, sqlite3.DataError):
        return ValueRejected(detail=reason)
    if isinstance(error, sqlite3.InterfaceError | sqlite3.NotSupportedError | sqlite3.ProgrammingError):
        return DatabaseRejected(detail=reason)
    return DatabaseUnavailable(detail=reason)  # a damaged file among them: that is `DatabaseError` itself


def _code_of(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary code; None for what is Python's own error."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _inode_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def check_writable(path: Path) -> None:
    """Return if the file, made where it is missing, can be written to. Raises OSError or sqlite3.Error if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # One that can only be read opens as well, and begins a transaction.
        connection.executescript("BEGIN IMMEDIATE; PRAGMA user_version = 1; ROLLBACK")


async def _bring_up_to_date(connection: aiosqlite.Connection) -> None:
    """Apply the migrations that the file lacks. A damaged file is left as it is: `check` tells what it is."""
    try:
        await bring_up_to_date(connection)
    except MigrationError as error:
        if not isinstance(error.__cause__, sqlite3.Error) or _code_of(error.__cause__) not in _DAMAGED:
            raise


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            while not await _is_prepared(connection):  # noqa: ASYNC110  # another process is what is waited for
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
    except BaseException:
        await connection.close()  # its thread would keep the process from ending
        raise
    return connection


async def _is_prepared(connection: aiosqlite.Connection) -> bool:
    """Set a connection up; False while others do so: for the change to WAL SQLite waits for nobody."""
    try:
        await connection.executescript(_PRAGMAS)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
