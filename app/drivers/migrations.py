"""Numbered changes of the schema. The files in sql/migrations hold them; a table of the database says which it has."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from app.database import Params, Row, from_sql_time

_PACKAGE = Path(__file__).parents[1]
# A wheel has it inside the package, a checkout beside it.
SQL_FOLDER = _PACKAGE / "sql" if (_PACKAGE / "sql").is_dir() else _PACKAGE.parent / "sql"
MIGRATIONS_FOLDER = SQL_FOLDER / "migrations"
COMMAND = "python -m app.cli migrate"

_SLICE_ROWS = 1000
_LONGEST_PAUSE_SECONDS = 1.0
_COMMENT = re.compile(r"^--.*$", re.MULTILINE)
_BATCHED = re.compile(r"^-- total: (?P<total>.+)\n-- slice after (?P<start>0|''): (?P<slice>.+)\n", re.MULTILINE)

SELECT_APPLIED = "SELECT number, name, applied_at FROM schema_version ORDER BY number"
INSERT_VERSION = "INSERT INTO schema_version (number, name, applied_at) VALUES (:number, :name, CURRENT_TIMESTAMP)"

Dialect = Literal["mysql", "sqlite"]
State = Literal["applied", "found", "pending"]
Progress = Callable[["Migration", int, int], None]
"""Is told of a migration how many rows of how many it has been through."""


class MigrationError(Exception):
    """The schema could not be read or changed; the text says why in one line."""


class MigrationLocked(MigrationError):
    """Another process has been changing the schema for longer than was to be waited for."""


@dataclass(frozen=True, slots=True)
class Batches:
    """A statement that goes through a table in slices of its key, so that it locks few rows, and for a short time."""

    count_rows: str
    end_of_slice: str
    """Selects the last key of the slice after `:after`, and how many rows it has."""

    start: int | str
    """Comes before the first key."""

    write: str
    """Does the work from `:after`, exclusive, to `:upto`. Done again it changes nothing."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: either statements that change the schema, or batches that move rows, never both."""

    number: int
    name: str
    statements: tuple[str, ...]
    batches: tuple[Batches, ...]


@dataclass(frozen=True, slots=True)
class MigrationState:
    """One migration and whether a database has it.

    `found`: its tables are there, from before versions were counted, and nobody has written down that they are.
    """

    number: int
    name: str
    state: State
    applied_at: datetime | None


class SchemaConnection(Protocol):
    """One connection on which a schema is read and changed. Every method raises `MigrationError`."""

    def lock(self, wait_seconds: float) -> AbstractAsyncContextManager[None]:
        """Let one process at a time into the block. Raises `MigrationLocked`."""
        ...

    async def has_table(self, name: str) -> bool:
        """Whether the database has such a table."""
        ...

    async def read(self, sql: str, params: Params) -> list[Row]:
        """Return the rows of a statement."""
        ...

    async def write(self, sql: str, params: Params) -> None:
        """Run a statement that moves rows, as a transaction of its own."""
        ...

    async def apply(self, migration: Migration) -> None:
        """Run a migration's statements and write down that it has been applied, unless that was done meanwhile."""
        ...


ConnectSchema = Callable[[], AbstractAsyncContextManager[SchemaConnection]]


@dataclass(frozen=True, slots=True)
class Migrator:
    """Compares a database with the migrations and applies those that it lacks."""

    connect: ConnectSchema
    migrations: Sequence[Migration]
    dialect: Dialect

    async def fetch_states(self) -> list[MigrationState]:
        """Return the state of each migration, those of a later version of the code included."""
        async with self.connect() as connection:
            return await self._states(connection)

    async def migrate(self, progress: Progress, *, wait_seconds: float = 600) -> list[Migration]:
        """Apply what is missing, in order, and return it. Safe to repeat, and to run in several processes."""
        async with self.connect() as connection, connection.lock(wait_seconds):
            states = await self._states(connection)
            missing = {state.number for state in states if state.state != "applied"}
            todo = [migration for migration in self.migrations if migration.number in missing]
            for migration in todo:
                await _move_rows(connection, migration, progress)
                await connection.apply(migration)
            return todo

    async def move_rows_again(self, progress: Progress, *, wait_seconds: float = 600) -> list[Migration]:
        """Run the batches of migrations that have been applied once more, for rows that an old process wrote since."""
        async with self.connect() as connection, connection.lock(wait_seconds):
            applied = {state.number for state in await self._states(connection) if state.state == "applied"}
            again = [migration for migration in self.migrations if migration.batches and migration.number in applied]
            for migration in again:
                await _move_rows(connection, migration, progress)
            return again

    async def _states(self, connection: SchemaConnection) -> list[MigrationState]:
        rows: list[Row] = []
        if await connection.has_table("schema_version"):
            rows = await connection.read(SELECT_APPLIED, {})
        states = {
            number: MigrationState(number, name, "applied", from_sql_time(applied_at))
            for number, name, applied_at in rows
        }
        if 1 not in states and await connection.has_table("image_classification_cache"):
            states[1] = MigrationState(1, self.migrations[0].name, "found", None)
        for migration in self.migrations:
            pending = MigrationState(migration.number, migration.name, "pending", None)
            states.setdefault(migration.number, pending)
        return [states[number] for number in sorted(states)]


def read_migrations(dialect: Dialect, folder: Path = MIGRATIONS_FOLDER) -> list[Migration]:
    """Return the migrations of a folder in order. Raises ValueError where a number is missing or given twice."""
    migrations = [_parsed(path) for path in sorted(folder.glob(f"[0-9]*_*.{dialect}.sql"))]
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise ValueError(f"{folder.name}: the numbers of the migrations for {dialect} are not 1, 2, 3, ...")
    return migrations


def split_statements(text: str) -> list[str]:
    """Return the statements of a script without its comments. Each ends with `;` at the end of a line."""
    return [
        statement.strip() for statement in re.split(r";\s*$", _COMMENT.sub("", text), flags=re.M) if statement.strip()
    ]


async def _move_rows(connection: SchemaConnection, migration: Migration, progress: Progress) -> None:
    for batches in migration.batches:
        ((total,),) = await connection.read(batches.count_rows, {})
        after, done = batches.start, 0
        progress(migration, done, total)
        while True:
            ((upto, rows),) = await connection.read(batches.end_of_slice, {"after": after, "rows": _SLICE_ROWS})
            if upto is None:
                break
            started = time.perf_counter()
            await connection.write(batches.write, {"after": after, "upto": upto})
            after, done = upto, done + rows
            progress(migration, done, total)
            # Half of the time is for those whom the service answers meanwhile.
            await asyncio.sleep(min(_LONGEST_PAUSE_SECONDS, time.perf_counter() - started))


def _parsed(path: Path) -> Migration:
    number, _, name = path.name.split(".")[0].partition("_")
    text = path.read_text(encoding="utf-8")
    heads = list(_BATCHED.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    batches = tuple(_batches(head, text[head.end() : end]) for head, end in zip(heads, ends, strict=False))
    return Migration(int(number), name, () if batches else tuple(split_statements(text)), batches)


def _batches(head: re.Match[str], text: str) -> Batches:
    (write,) = split_statements(text)
    return Batches(head["total"], head["slice"], 0 if head["start"] == "0" else "", write)
