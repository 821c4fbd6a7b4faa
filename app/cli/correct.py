"""`correct`: makes a category the answer to a photo, for all of its names and for good."""

import asyncio
import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli.ending import told_errors
from app.config import CommandSettings, Settings, load_settings
from app.models.correction import AnswerWithHistory, Operator
from app.models.correction_request import MAX_REASON_LENGTH
from app.models.domain import Category
from app.repositories.audit_repository import AuditRepository
from app.repositories.change_repository import ChangeRepository
from app.repositories.correction_repository import CorrectionRepository
from app.services.cache.changes import ChangeWatch
from app.services.cache.memory import MemoryCache
from app.services.correction_service import CorrectionService
from app.storage import open_storage
from app.utils.clock import isoformat_utc, utc_now
from app.utils.id_generator import generate_request_id

KEY_NAME = "cli"
"""Who made the change, in the audit: whoever may run commands on the machine."""


def one_line(reason: str) -> str:
    """Return a reason as the audit keeps it; wrong ones are errors of the command line."""
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON_LENGTH or not reason.isprintable():
        raise typer.BadParameter(f"is one line of 1 to {MAX_REASON_LENGTH} characters")
    return reason


def make_operator() -> Operator:
    """Return who changes something by a command."""
    return Operator(generate_request_id(), KEY_NAME, None)


def correct(
    photo: Annotated[str, typer.Argument(help="A file of the photo, its SHA-256, or its content hash.")],
    category: Annotated[Category, typer.Argument(help="What it shows.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit.", callback=one_line)],
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object instead of a table.")] = False,
) -> None:
    """Make a category the answer to a photo. Every process says so within two seconds.

    Exit codes: 0 done, 1 failed (the photo is not known, or the database is away), 2 wrong command line.
    """
    with told_errors("correct"):
        settings = load_settings(CommandSettings)
        answer = asyncio.run(_correct(settings, _name_of(photo), category, reason))
    if as_json:
        typer.echo(json.dumps(asdict(answer), default=_plain, ensure_ascii=False))
    else:
        _show(Console(), answer)


async def _correct(settings: Settings, name: str, category: Category, reason: str) -> AnswerWithHistory:
    async with open_storage(settings, migrate=False) as storage:
        watch = ChangeWatch(ChangeRepository(storage.database), MemoryCache(0, 0))
        service = CorrectionService(
            CorrectionRepository(storage.database), AuditRepository(storage.database), watch, utc_now
        )
        return await service.correct(name, category, reason, make_operator())


def _name_of(photo: str) -> str:
    path = Path(photo)
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return photo.lower()


def _show(console: Console, found: AnswerWithHistory) -> None:
    answer = found.answer
    console.print(f"{answer.image_hash} is {answer.category} now, by {found.names_total + 1} names", soft_wrap=True)
    console.print(_changes(found))


def _changes(found: AnswerWithHistory) -> Table:
    table = Table("when", "who", "what", "before", "why", title="Changes of this answer", title_justify="left")
    for entry in found.history:
        before = entry.before.category if entry.before else ""
        table.add_row(isoformat_utc(entry.created_at), entry.key_name or "", entry.action, before, entry.reason)
    return table


def _plain(value: object) -> object:
    return isoformat_utc(value) if isinstance(value, datetime) else str(value)
