"""`rebuild`: counts anew what the statistics tell."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as ProgressBar

from app.config import CommandSettings, Settings, load_settings
from app.drivers.migrations import MigrationError
from app.errors import RebuildDisturbed, ServiceError
from app.services.upkeep.rebuild import Progress, Rebuild
from app.storage import open_storage


class Exit(IntEnum):
    """What a script learns. 2 is typer's: the command line was wrong."""

    BUILT = 0
    FAILED = 1
    DISTURBED = 4


def rebuild(
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object instead of a sentence.")] = False,
    wait_seconds: Annotated[
        float, typer.Option(min=1, max=86_400, help="How long to wait for a process that is at the statistics.")
    ] = 120,
) -> None:
    """Count anew what the statistics tell: after an upgrade to schema version 8, or a change of STATS_TIMEZONE.

    The service goes on meanwhile, and answers its statistics with `statistics_not_built` until this is done. It may be
    interrupted and run again. Exit codes: 0 built, 1 failed, 2 wrong command line, 4 another process is at it.
    """
    errors = Console(stderr=True)
    settings = load_settings(CommandSettings)
    try:
        with _progress(errors) as progress:
            rows = asyncio.run(_run(settings, progress, wait_seconds))
    except (ServiceError, MigrationError, OSError, sqlite3.Error) as error:
        reason = error.detail or str(error) if isinstance(error, ServiceError) else str(error)
        errors.print(f"rebuild: {reason}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(Exit.DISTURBED if isinstance(error, RebuildDisturbed) else Exit.FAILED) from error
    if as_json:
        typer.echo(json.dumps({"rows": rows, "timezone": settings.timezone.key}))
    else:
        Console().print(f"The statistics are built: {rows} rows, days of {settings.timezone.key}.")


async def _run(settings: Settings, progress: Progress, wait_seconds: float) -> int:
    async with open_storage(settings) as storage:
        await storage.database.check()
        work = Rebuild(storage.rollup_builder, storage.leases, settings.timezone)
        return await work.run(progress, wait_seconds=wait_seconds)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    """Yield what draws a bar; nothing where nobody sees it."""
    with ProgressBar(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("counting rows", total=None)

        def show(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield show
