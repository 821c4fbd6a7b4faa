"""A SQLite file as a broken disk leaves it."""

import asyncio
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

from app.drivers.sqlite import SQLiteDatabase
from tests.factories import make_outcome
from tests.support.records import write_outcomes


async def make_damaged_file(folder: Path) -> Path:
    """Return a database whose tables can be found and whose rows cannot be read."""
    path = folder / "c.db"
    database = await SQLiteDatabase.open(path)
    await write_outcomes(database, [make_outcome() for _ in range(200)])
    await database.close()
    await asyncio.to_thread(_overwrite_roots, path)
    return path


def _overwrite_roots(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        pages = [page for (page,) in connection.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")]
    with path.open("r+b") as file:
        (page_bytes,) = struct.unpack(">H", file.read(18)[16:18])
        for page in pages:
            file.seek((page - 1) * page_bytes)
            file.write(b"\xff" * page_bytes)
