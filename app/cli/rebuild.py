"""`rebuild`: counts anew what the statistics tell."""

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console

from app.cli.ending import told_errors
from app.cli.progress import shown_progress
from app.config import CommandSettings, Settings, load_settings
from app.errors import RebuildDisturbed
from app.services.upkeep.rebuild import Progress, Rebuild
from app.storage import open_storage

DISTURBED = 4
"""The exit code where another process is at the statistics."""


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
    settings = load_settings(CommandSettings)
    with told_errors("rebuild", {RebuildDisturbed: DISTURBED}), shown_progress("counting rows") as progress:
        rows = asyncio.run(_run(settings, progress, wait_seconds))
    if as_json:
        typer.echo(json.dumps({"rows": rows, "timezone": settings.timezone.key}))
    else:
        Console().print(f"The statistics are built: {rows} rows, days of {settings.timezone.key}.")


async def _run(settings: Settings, progress: Progress, wait_seconds: float) -> int:
    async with open_storage(settings) as storage:
        await storage.database.check()
        work = Rebuild(storage.rollup_builder, storage.leases, settings.timezone)
        return await work.run(progress, wait_seconds=wait_seconds)
