"""`migrate`: brings the schema of the database up to date, or says what is missing."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as ProgressBar
from rich.table import Table

from app.config import CommandSettings, Settings, load_settings
from app.drivers.check import NEEDED_VERSION
from app.drivers.migrations import Migration, MigrationError, MigrationLocked, MigrationState, Progress
from app.storage import open_storage
from app.utils.clock import isoformat_utc

_SAID = {"applied": "[green]applied[/]", "found": "[yellow]found, not numbered[/]", "pending": "[yellow]pending[/]"}


class Exit(IntEnum):
    """What a script learns. 2 is typer's: the command line was wrong."""

    UP_TO_DATE = 0
    FAILED = 1
    PENDING = 3
    LOCKED = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found and what was done."""

    dialect: str
    states: list[MigrationState]
    done: list[Migration]

    @property
    def pending(self) -> list[MigrationState]:
        return [state for state in self.states if state.state != "applied"]


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what is missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object instead of a table.")] = False,
    move_rows_again: Annotated[
        bool, typer.Option("--move-rows-again", help="Also add what a process of an older version wrote meanwhile.")
    ] = False,
    wait_seconds: Annotated[
        float, typer.Option(min=0, max=86_400, help="How long to wait for another process that migrates.")
    ] = 600,
) -> None:
    """Bring the database's schema up to date. Safe to repeat; one process at a time.

    Exit codes: 0 up to date, 1 failed, 2 wrong command line, 3 something is missing (--dry-run), 4 another process
    migrates.
    """
    errors = Console(stderr=True)
    settings = load_settings(CommandSettings)
    try:
        with _progress(errors) as progress:
            outcome = asyncio.run(
                _run(settings, progress, dry_run=dry_run, again=move_rows_again, wait_seconds=wait_seconds)
            )
    except (MigrationError, OSError, sqlite3.Error) as error:
        errors.print(f"migrate: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(Exit.LOCKED if isinstance(error, MigrationLocked) else Exit.FAILED) from error
    _show(Console(), outcome, as_json=as_json)
    raise typer.Exit(Exit.PENDING if outcome.pending else Exit.UP_TO_DATE)


async def _run(settings: Settings, progress: Progress, *, dry_run: bool, again: bool, wait_seconds: float) -> Outcome:
    async with open_storage(settings, migrate=False) as storage:
        migrator, done = storage.migrator, []
        if not dry_run:
            done = await migrator.migrate(progress, wait_seconds=wait_seconds)
            if again:
                await migrator.move_rows_again(progress, wait_seconds=wait_seconds)
        return Outcome(migrator.dialect, await migrator.fetch_states(), done)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    """Yield what draws a bar for each migration that goes through rows; nothing where nobody sees it."""
    with ProgressBar(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {}

        def show(migration: Migration, done: int, total: int) -> None:
            if migration.number not in tasks:
                tasks[migration.number] = bars.add_task(f"{migration.number} {migration.name}")
            bars.update(tasks[migration.number], completed=done, total=max(done, total))

        yield show


def _show(console: Console, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(outcome)))
        return
    table = Table("number", "name", "state", "applied at", title=f"Schema of the database ({outcome.dialect})")
    for state in outcome.states:
        at = isoformat_utc(state.applied_at) if state.applied_at else ""
        table.add_row(str(state.number), state.name, _SAID[state.state], at)
    console.print(table)
    if outcome.done:
        console.print(f"applied now: {', '.join(str(migration.number) for migration in outcome.done)}")
    console.print("up to date" if not outcome.pending else f"missing: {len(outcome.pending)}")


def _as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "database": outcome.dialect,
        "needed_version": NEEDED_VERSION,
        "up_to_date": not outcome.pending,
        "applied_now": [migration.number for migration in outcome.done],
        "migrations": [
            {
                "number": state.number,
                "name": state.name,
                "state": state.state,
                "applied_at": isoformat_utc(state.applied_at) if state.applied_at else None,
            }
            for state in outcome.states
        ],
    }
