"""`purge`: deletes many answers, so that a model is asked about their photos again."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Annotated

import typer

from app.cli.correct import make_operator, one_line
from app.cli.ending import told_errors
from app.cli.export import MOMENTS, in_utc
from app.cli.progress import shown_progress
from app.config import CommandSettings, Settings, load_settings
from app.models.correction import Purge
from app.models.domain import Category
from app.repositories.change_repository import ChangeRepository
from app.repositories.purge_repository import PurgeRepository
from app.services.cache.changes import ChangeWatch
from app.services.cache.memory import MemoryCache
from app.services.purge_service import PurgeService
from app.storage import open_storage
from app.utils.clock import utc_now


def purge(
    reason: Annotated[str, typer.Option(help="Why, for the audit.", callback=one_line)],
    model: Annotated[str | None, typer.Option(help="Answers of this model.")] = None,
    prompt_version: Annotated[str | None, typer.Option(help="Answers to this version of the prompt.")] = None,
    category: Annotated[Category | None, typer.Option(help="Answers of this category.")] = None,
    before: Annotated[datetime | None, typer.Option(formats=MOMENTS, help="Answers from before, in UTC.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; say how many there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether they may go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object instead of a sentence.")] = False,
) -> None:
    """Delete the answers that all of the given values fit; at least one is to be given. Corrected ones stay.

    Exit codes: 0 done, 1 failed: what is gone is in the audit, and the same command deletes the rest; 2 wrong command
    line.
    """
    if not any((model, prompt_version, category, before)):
        raise typer.BadParameter("one of --model, --prompt-version, --category and --before is required")
    meant = Purge(model, prompt_version, category, in_utc(before))
    with told_errors("purge"):
        settings = load_settings(CommandSettings)
        matched = asyncio.run(_count(settings, meant))
        if not (dry_run or yes or not matched):
            typer.confirm(f"{matched} answers go, and their photos are paid for again. Go on?", abort=True, err=True)
        deleted = 0
        if matched and not dry_run:
            with shown_progress("answers") as advance:
                deleted = asyncio.run(_delete(settings, meant, reason, lambda done: advance(done, matched)))
    told = {"matched": matched, "deleted": deleted, "dry_run": dry_run}
    typer.echo(json.dumps(told) if as_json else f"{matched} answers fit, {deleted} are deleted")


async def _count(settings: Settings, meant: Purge) -> int:
    async with open_storage(settings, migrate=False) as storage:
        return await PurgeRepository(storage.database).count(meant)


async def _delete(settings: Settings, meant: Purge, reason: str, advance: Callable[[int], None]) -> int:
    async with open_storage(settings, migrate=False) as storage:
        watch = ChangeWatch(ChangeRepository(storage.database), MemoryCache(0, 0))
        service = PurgeService(PurgeRepository(storage.database), watch, utc_now, most_seconds=inf)
        return (await service.delete(meant, reason, make_operator(), advance)).deleted
