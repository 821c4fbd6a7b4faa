"""`quality`: how often the models in effect are right on one's own photos, and what that costs."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.cli.quality.measure import Measured, NoPhotos, find_photos, measure
from app.cli.quality.report import Accuracy, Report, make_report
from app.config import Settings, load_settings


class Exit(IntEnum):
    """What a script learns. 2 is typer's: the command line was wrong."""

    DONE = 0
    FAILED = 1
    SOME_FAILED = 3


def quality(
    folder: Annotated[
        Path, typer.Argument(help="Has a folder for each category, named as its key, with photos in it.")
    ],
    limit: Annotated[int, typer.Option(min=1, help="How many photos of each category.")] = 100,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether the questions may be paid for.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object instead of tables.")] = False,
) -> None:
    """Put labelled photos to the models in effect, and tell how often they were right. Nothing is recorded.

    Every photo is a question that is paid for. Exit codes: 0 done, 1 failed, 2 wrong command line, 3 some photos have
    no answer.
    """
    settings = load_settings()
    errors = Console(stderr=True)
    try:
        photos = find_photos(folder, limit)
    except NoPhotos as error:
        errors.print(f"quality: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(Exit.FAILED) from error
    if not (yes or settings.provider == "local"):
        _ask_leave(settings, len(photos))
    with _progress(errors, len(photos)) as advance:
        report = make_report(asyncio.run(measure(settings, photos, advance)))
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str, ensure_ascii=False))
    else:
        _show(Console(), report)
    raise typer.Exit(Exit.SOME_FAILED if report.failures else Exit.DONE)


def _ask_leave(settings: Settings, photos: int) -> None:
    cost = photos * settings.prices.per_call
    name = settings.primary.model
    typer.confirm(f"{photos} questions to {name}, some {cost:g} at COST_PER_API_CALL. Go on?", abort=True, err=True)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[Measured], object]]:
    """Yield what draws a bar with the time that is left, where somebody sees it."""
    columns = TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("photos", total=total)
        yield lambda _: bars.advance(task)


def _show(console: Console, report: Report) -> None:
    console.print(_table("How often it was right", [report.overall, *report.by_category]))
    console.print(_table("By the size of the picture", report.by_size))
    console.print(_table("By who answered", report.by_model))
    for path, failure in report.failures:
        console.print(f"no answer: {path}: {failure}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"cost: {report.cost:f}")


def _table(title: str, rows: Sequence[Accuracy]) -> Table:
    table = Table("", "photos", "right", "between (95 %)", "the others", title=title, title_justify="left")
    for row in rows:
        share = f"{row.right} ({row.right / row.photos:.0%})" if row.photos else "0"
        others = ", ".join(f"{name} {count}" for name, count in row.others.items())
        table.add_row(row.of, str(row.photos), share, f"{row.low:.0%} and {row.high:.0%}", others)
    return table
