"""`export`: writes the request log to a file or a pipe, for those who keep their figures elsewhere."""

import asyncio
import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from app.cli.ending import told_errors
from app.cli.progress import shown_progress
from app.config import CommandSettings, Settings, load_settings
from app.repositories.export_repository import COLUMNS, ExportRepository, Selection
from app.storage import open_storage
from app.utils.clock import isoformat_utc

_PAGE_ROWS = 5000
_BEGINNING, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
"""How a moment is written on a command line."""


class Format(StrEnum):
    """How the records are written."""

    CSV = "csv"
    JSONL = "jsonl"


def export(
    output: Annotated[Path | None, typer.Argument(help="The file to write; none: standard output.")] = None,
    file_format: Annotated[
        Format, typer.Option("--format", help="CSV with a head, or a JSON object a line.")
    ] = Format.CSV,
    since: Annotated[datetime | None, typer.Option(formats=MOMENTS, help="The first moment, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=MOMENTS, help="The moment after the last, in UTC.")] = None,
    user: Annotated[str | None, typer.Option(help="The records of one user alone.")] = None,
) -> None:
    """Write the records of the answered requests, in the order in which they were written down.

    Exit codes: 0 done, 1 failed, 2 wrong command line. A file that was begun and not finished is removed.
    """
    selection = Selection(in_utc(since) or _BEGINNING, in_utc(until) or _END, user)
    with told_errors("export"), _opened(output) as file, shown_progress("records", quiet=output is None) as advance:
        asyncio.run(_run(load_settings(CommandSettings), selection, _writer(file, file_format), advance))


async def _run(
    settings: Settings,
    selection: Selection,
    write: Callable[[dict[str, Any]], object],
    advance: Callable[[int, int], None],
) -> None:
    async with open_storage(settings, migrate=False) as storage:
        repository = ExportRepository(storage.database)
        total, done = await repository.count(selection), 0
        async for page in repository.fetch_pages(selection, _PAGE_ROWS):
            for record in page:
                write({**record, "created_at": isoformat_utc(record["created_at"])})
            done += len(page)
            advance(done, total)


def _writer(file: TextIO, file_format: Format) -> Callable[[dict[str, Any]], object]:
    if file_format is Format.JSONL:
        return lambda record: file.write(f"{json.dumps(record, ensure_ascii=False)}\n")
    rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    rows.writeheader()
    return rows.writerow


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    """Yield where to write. A file has its name only once it is whole."""
    if path is None:
        yield sys.stdout
        return
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None
