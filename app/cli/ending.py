"""How a command ends: its exit code, and one line where it failed."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum

import typer
from rich.console import Console

from app.drivers.migrations import MigrationError
from app.errors import ServiceError


class Exit(IntEnum):
    """What a script learns of a command that is done or not. 2 is typer's: the command line was wrong."""

    DONE = 0
    FAILED = 1


@contextmanager
def told_errors(command: str, codes: Mapping[type[Exception], int] | None = None) -> Iterator[None]:
    """End the command with one line on standard error where the database or a file cannot be used.

    `codes` are the exit codes of errors that have one of their own.
    """
    try:
        yield
    except (ServiceError, MigrationError, OSError, sqlite3.Error) as error:
        said = error.detail or error.message if isinstance(error, ServiceError) else str(error)
        Console(stderr=True).print(f"{command}: {said}", markup=False, highlight=False, soft_wrap=True)
        own = (code for kind, code in (codes or {}).items() if isinstance(error, kind))
        raise typer.Exit(next(own, Exit.FAILED)) from error
