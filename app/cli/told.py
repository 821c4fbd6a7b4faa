"""How a command says that it failed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from app.errors import ServiceError


@contextmanager
def tell_errors(command: str, exit_code: int) -> Iterator[None]:
    """End the command with one line on standard error where the database or a file cannot be used."""
    try:
        yield
    except (ServiceError, OSError, sqlite3.Error) as error:
        said = error.detail or error.message if isinstance(error, ServiceError) else str(error)
        Console(stderr=True).print(f"{command}: {said}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(exit_code) from error
