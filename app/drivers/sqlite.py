"""SQLite, the embedded database: one file in WAL mode, one connection that writes and one that reads."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from app.database import Params, Row, Sql, Statement
from app.errors import DatabaseUnavailable

SCHEMA = Path(__file__).parents[2] / "sql" / "init.sqlite.sql"
# FULL: a commit survives a power cut, not only a crash. busy_timeout lets several processes share the file.
_PRAGMAS = "PRAGMA busy_timeout = 3000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
_CHECK = Sql.same("SELECT 1 FROM image_classification_cache LIMIT 1")


class SQLiteDatabase:
    """`Database` over one file. Several processes of one machine may open it."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection, timeout_seconds: float) -> None:
        self._writer = writer
        self._reader = reader
        self._write_turn = asyncio.Lock()
        self._timeout_seconds = timeout_seconds
        self._running: set[asyncio.Task[int]] = set()

    @classmethod
    async def open(cls, path: Path, *, timeout_seconds: float = 5.0) -> "SQLiteDatabase":
        """Open the file, with its folder and its tables made where they are missing.

        Raises OSError or sqlite3.Error where the path cannot be used.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = await _connect(path)
        try:
            await writer.executescript(SCHEMA.read_text(encoding="utf-8"))
            reader = await _connect(path)
        except BaseException:
            await writer.close()
            raise
        return cls(writer, reader, timeout_seconds)

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        async with _translated_errors():
            try:
                async with asyncio.timeout(timeout_seconds or self._timeout_seconds):
                    return [tuple(row) for row in await self._reader.execute_fetchall(sql.sqlite, params)]
            except TimeoutError:
                await self._reader.interrupt()
                raise

    async def execute(self, sql: Sql, params: Params) -> int:
        return await self._write([(sql, params)])

    async def commit(self, statements: Sequence[Statement]) -> None:
        await self._write(statements)

    async def check(self) -> None:
        await self.fetch_all(_CHECK, {})

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._timeout_seconds)
        await self._reader.close()
        await self._writer.close()

    async def _write(self, statements: Sequence[Statement]) -> int:
        """Run one transaction in a task of its own: a caller that is cancelled must not leave it half done."""
        task = asyncio.create_task(self._transaction(statements))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        async with _translated_errors(), asyncio.timeout(self._timeout_seconds):
            return await asyncio.shield(task)

    async def _transaction(self, statements: Sequence[Statement]) -> int:
        changed = 0
        async with self._write_turn:
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


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    await connection.executescript(_PRAGMAS)
    return connection


@asynccontextmanager
async def _translated_errors() -> AsyncIterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DatabaseUnavailable(detail="SQLite gave no answer in time") from error
    except sqlite3.OperationalError as error:
        raise DatabaseUnavailable(detail=f"SQLite: {error.sqlite_errorname}") from error
