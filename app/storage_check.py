"""Whether records can be kept where the settings say, tried before a server starts: later than that it would be a
traceback in the middle of a log."""

import sqlite3
import sys
from pathlib import Path

from app.config import Settings
from app.drivers.sqlite import check_writable
from app.services.records.spool_file import SpoolFile


def check_storage(settings: Settings) -> None:
    """Make what the service will write to, or end the process with one line that names the setting."""
    try:
        SpoolFile.create(settings.spool_dir).close(remove=True)
    except OSError as error:
        _refuse("SPOOL_DIR", settings.spool_dir, error)
    try:
        if settings.mysql_host is None:
            check_writable(settings.sqlite_path)
    except (OSError, sqlite3.Error) as error:
        _refuse("SQLITE_PATH", settings.sqlite_path, error)


def _refuse(variable: str, path: Path, error: Exception) -> None:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    sys.exit(f"configuration: {variable}: {str(path)!r} cannot be used ({reason})")
