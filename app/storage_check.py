"""Whether the service can write where the settings say, tried before a server starts: later than that it would be a
traceback in the middle of a log."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import Settings
from app.drivers.migrations import MigrationError
from app.drivers.sqlite import SQLiteDatabase, check_writable
from app.services.images.memory_budget import MemoryBudget
from app.services.records.spool_file import SpoolFile


class PlaceRefused(Exception):
    """A place cannot be written to: one line that names the setting and the reason."""


def check_storage(settings: Settings) -> None:
    """Make what the service will write to, or end the process with one line that names the setting."""
    try:
        check_files(settings)
        check_sqlite(settings)
    except PlaceRefused as error:
        sys.exit(f"configuration: {error}")


def check_files(settings: Settings) -> None:
    """Make what the service writes to beside its database. Raises `PlaceRefused`."""
    with _refused("SPOOL_DIR", settings.spool_dir):
        SpoolFile.create(settings.spool_dir).close(remove=True)
    if settings.image_decode_lock_file is not None:
        with _refused("IMAGE_DECODE_LOCK_FILE", settings.image_decode_lock_file):
            MemoryBudget(0, settings.image_decode_lock_file).close()


def check_sqlite(settings: Settings) -> None:
    """Make the file of the embedded database, where that is used, and its tables. Raises `PlaceRefused`."""
    if settings.mysql_host is None:
        with _refused("SQLITE_PATH", settings.sqlite_path):
            check_writable(settings.sqlite_path)
            asyncio.run(_open_once(settings.sqlite_path))


async def _open_once(path: Path) -> None:
    """Open the file, which brings its tables up to date, before several workers do. Raises `MigrationError`."""
    database = await SQLiteDatabase.open(path)
    await database.close()


@contextmanager
def _refused(variable: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, MigrationError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PlaceRefused(f"{variable}: {str(path)!r} cannot be used ({reason})") from error
