"""`export`: writes the request log to a file or a pipe, for those who keep their figures elsewhere."""

import asyncio
import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import Progress

from app.cli.told import tell_errors
from app.config import CommandSettings, Settings, load_settings
from app.repositories.export_repository import COLUMNS, ExportRepository, Selection
from app.storage import open_storage
from app.utils.clock import isoformat_utc

_PAGE_ROWS = 5000
_BEGINNING, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


class Format(StrEnum):
    """How the records are written."""

    CSV = "csv"
    JSONL = "jsonl"


class Exit(IntEnum):
    """What a script learns. 2 is typer's: the command line was wrong."""

    DONE = 0
    FAILED = 1


def export(
    output: Annotated[Path | None, typer.Argument(help="The file to write; none: standard output.")] = None,
    file_format: Annotated[
        Format, typer.Option("--format", help="CSV with a head, or a JSON object a line.")
    ] = Format.CSV,
    since: Annotated[datetime | None, typer.Option(formats=_DAYS, help="The first moment, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAYS, help="The moment after the last, in UTC.")] = None,
    user: Annotated[str | None, typer.Option(help="The records of one user alone.")] = None,
) -> None:
    """Write the records of the answered requests, in the order in which they were written down.

    Exit codes: 0 done, 1 failed, 2 wrong command line. A file that was begun and not finished is removed.
    """
    selection = Selection(_in_utc(since) or _BEGINNING, _in_utc(until) or _END, user)
    with tell_errors("export", Exit.FAILED), _opened(output) as file, _progress(quiet=output is None) as advance:
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


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield what draws a bar, where somebody sees it and the records do not go to the same place."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        task = bars.add_task("records")
        yield lambda done, total: bars.update(task, completed=done, total=max(done, total))


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None
