"""Changes of SQLite's schema. Its lock on writes is the only one that is needed: a migration is one transaction."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiosqlite
from loguru import logger

from app.database import Params, Row
from app.drivers.migrations import (
    INSERT_VERSION,
    SQL_FOLDER,
    Migration,
    MigrationError,
    Migrator,
    SchemaConnection,
    read_migrations,
    split_statements,
)

_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name"
_HAS_ANYTHING = "SELECT 1 FROM sqlite_master LIMIT 1"
_IS_APPLIED = "SELECT 1 FROM schema_version WHERE number = :number"
_BUSY_SECONDS = 30.0


class SQLiteSchema:
    """`SchemaConnection` over SQLite.

    Several processes may migrate one file at a time: each change asks, in its transaction, whether it has been done,
    and batches done twice change nothing.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def lock(self, wait_seconds: float) -> AsyncIterator[None]:
        yield

    async def has_table(self, name: str) -> bool:
        return bool(await self.read(_HAS_TABLE, {"name": name}))

    async def read(self, sql: str, params: Params) -> list[Row]:
        with _translated_errors():
            return [tuple(row) for row in await self._connection.execute_fetchall(sql, params)]

    async def write(self, sql: str, params: Params) -> None:
        async with self._transaction():
            await self._connection.execute(sql, params)

    async def apply(self, migration: Migration) -> None:
        async with self._transaction(f"migration {migration.number} {migration.name}: "):
            versioned = await self.has_table("schema_version")
            if versioned and await self.read(_IS_APPLIED, {"number": migration.number}):
                return
            for statement in migration.statements:
                await self._connection.execute(statement)
            await self._connection.execute(INSERT_VERSION, {"number": migration.number, "name": migration.name})

    async def create(self) -> None:
        """Create everything, if nothing is there yet."""
        async with self._transaction():
            if not await self.read(_HAS_ANYTHING, {}):
                for statement in split_statements((SQL_FOLDER / "init.sqlite.sql").read_text(encoding="utf-8")):
                    await self._connection.execute(statement)

    @asynccontextmanager
    async def _transaction(self, what: str = "") -> AsyncIterator[None]:
        with _translated_errors(what):
            await self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                await self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    await self._connection.execute("ROLLBACK")


@asynccontextmanager
async def connect_sqlite_schema(path: Path) -> AsyncIterator[SchemaConnection]:
    """Open the file, made where it is missing, for the time of the block. Raises `MigrationError`."""
    with _translated_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = await aiosqlite.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        yield SQLiteSchema(connection)
    finally:
        await connection.close()


async def bring_up_to_date(connection: aiosqlite.Connection, migrations: Sequence[Migration] | None = None) -> None:
    """Create the tables of a new file, or apply to an older one what it lacks. Raises `MigrationError`."""
    schema = SQLiteSchema(connection)

    @asynccontextmanager
    async def connect() -> AsyncIterator[SchemaConnection]:
        yield schema

    migrator = Migrator(connect, migrations or read_migrations("sqlite"), "sqlite")
    await schema.create()
    for migration in await migrator.migrate(lambda *_: None):
        logger.info("database migrated", number=migration.number, name=migration.name)


@contextmanager
def _translated_errors(what: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MigrationError(f"{what}SQLite: {error.strerror}") from error
    except sqlite3.Error as error:
        raise MigrationError(f"{what}SQLite: {getattr(error, 'sqlite_errorname', type(error).__name__)}") from error
