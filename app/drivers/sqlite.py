"""SQLite, the embedded database: one file in WAL mode; a connection that writes, one for quick reads, one for long."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import aiosqlite

from app.database import ConstraintError, Load, Params, Queue, Row, Sql, Statement
from app.drivers.check import CHECKS, SELECT_VERSION, check_version
from app.drivers.migrations import COMMAND
from app.drivers.sqlite_schema import bring_up_to_date
from app.errors import DatabaseNotInitialized, DatabaseUnavailable

# FULL: a commit survives a power cut, not only a crash. busy_timeout lets several processes share the file.
_PRAGMAS = "PRAGMA busy_timeout = 3000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
_OPEN_SECONDS = 10.0
_TRY_AGAIN_SECONDS = 0.02


class SQLiteDatabase:
    """`Database` over one file. Several processes of one machine may open it."""

    def __init__(self, connections: Sequence[aiosqlite.Connection], timeout_seconds: float) -> None:
        self._writer, self._reader, self._slow_reader = connections
        self._write_turn = asyncio.Lock()
        self._slow_turn = asyncio.Lock()
        self._timeout_seconds = timeout_seconds
        self._queues = self._writers, self._readers, self._slow_readers = Queue(1), Queue(1), Queue(1)
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
                await bring_up_to_date(connections[0])
            opened.pop_all()
        return cls(connections, timeout_seconds)

    @property
    def load(self) -> Load:
        in_use = sum(queue.in_use for queue in self._queues)
        return Load(in_use, sum(queue.waiting for queue in self._queues), len(self._queues))

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        if timeout_seconds is None or timeout_seconds <= self._timeout_seconds:
            limit = asyncio.timeout(timeout_seconds or self._timeout_seconds)
            async with _translated_errors(), limit, self._readers:
                return [tuple(row) for row in await self._reader.execute_fetchall(sql.sqlite, params)]
        async with _translated_errors(), asyncio.timeout(timeout_seconds), self._slow_readers, self._slow_turn:
            try:
                return [tuple(row) for row in await self._slow_reader.execute_fetchall(sql.sqlite, params)]
            except asyncio.CancelledError:
                # The query would go on. Nobody else's runs on this connection: it is this one's turn.
                await self._slow_reader.interrupt()
                raise

    async def execute(self, sql: Sql, params: Params) -> int:
        return await self._write([(sql, params)])

    async def commit(self, statements: Sequence[Statement]) -> None:
        await self._write(statements)

    async def check(self) -> None:
        try:
            check_version([tuple(row) for row in await self._reader.execute_fetchall(SELECT_VERSION.sqlite)])
            for sql in CHECKS:
                await self._reader.execute_fetchall(sql.sqlite)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise DatabaseUnavailable(detail=f"SQLite: {error.sqlite_errorname}") from error
            raise DatabaseNotInitialized(detail=f"tables or columns are missing; run {COMMAND}") from error

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._timeout_seconds)
        for connection in (self._slow_reader, self._reader, self._writer):
            await connection.close()

    async def _write(self, statements: Sequence[Statement]) -> int:
        """Run one transaction in a task of its own: a caller that is cancelled must not leave it half done."""
        task = asyncio.create_task(self._transaction(statements))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        async with _translated_errors(), asyncio.timeout(self._timeout_seconds):
            return await asyncio.shield(task)

    async def _transaction(self, statements: Sequence[Statement]) -> int:
        changed = 0
        async with self._writers, self._write_turn:
            await self._writer.execute("BEGIN IMMEDIATE")
            try:
                for sql, params in statements:
                    cursor = await self._writer.execute(sql.sqlite, params)
                    changed += max(0, cursor.rowcount)
                    await cursor.close()
                await self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    await self._writer.execute("ROLLBACK")
                raise
        return changed


def check_writable(path: Path) -> None:
    """Return if the file, made where it is missing, can be written to. Raises OSError or sqlite3.Error if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # One that can only be read opens as well, and begins a transaction.
        connection.executescript("BEGIN IMMEDIATE; PRAGMA user_version = 1; ROLLBACK")


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


@asynccontextmanager
async def _translated_errors() -> AsyncIterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DatabaseUnavailable(detail="SQLite gave no answer in time") from error
    except sqlite3.IntegrityError as error:
        raise ConstraintError(f"SQLite: {error.sqlite_errorname}") from error
    except sqlite3.OperationalError as error:
        raise DatabaseUnavailable(detail=f"SQLite: {error.sqlite_errorname}") from error
