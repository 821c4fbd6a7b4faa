"""`classify-photos DIR`: classifies all photos of a folder. It may be ended at any moment and run again."""

import os
import signal
import sys
import threading
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from photo_classifier.cli.bars import shown_bar
from photo_classifier.cli.folder import EXTENSIONS, Found, Search, find_photos
from photo_classifier.cli.journal import Journal, JournalError
from photo_classifier.cli.moving import UNDO_FILE, NotMoved, move_photos, undo_moves
from photo_classifier.cli.report import Form, Report, make_report, printable, rendered, show
from photo_classifier.cli.work import Result, Work
from photo_classifier.client import Classifier
from photo_classifier.core.wire import Lane
from photo_classifier.options import Limits, Options

JOURNAL = ".classify-photos.jsonl"
_DEFERRED_SECONDS = Limits().deferred_total_seconds


class Exit(IntEnum):
    """What a script learns."""

    DONE = 0
    SOME_FAILED = 1
    FAILED = 2
    """The command line was wrong, or something is that all photos would meet: the address, the key, a spent budget."""


def classify_photos(
    folder: Annotated[Path | None, typer.Argument(help="The folder, with all below it.", show_default=False)] = None,
    url: Annotated[str, typer.Option(envvar="CLASSIFIER_URL", help="Where the service is.")] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str | None, typer.Option(envvar="CLASSIFIER_API_KEY", help="Better in the environment: others see commands.")
    ] = None,
    user: Annotated[str | None, typer.Option(envvar="CLASSIFIER_USER", help="Who asks: X-User-ID.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Uploads at a time.")] = 4,
    patience: Annotated[
        float, typer.Option(min=1, help=f"Seconds for a photo, over all tries; {_DEFERRED_SECONDS:g} with --deferred.")
    ] = 120,
    deferred: Annotated[bool, typer.Option("--deferred", help="At the vendor's reduced price, and slower.")] = False,
    ext: Annotated[list[str], typer.Option(help="An extension of photos. May be repeated.")] = list(EXTENSIONS),  # noqa: B006
    ignore: Annotated[
        list[str] | None, typer.Option(help="A pattern of names or paths to pass over. May be repeated.")
    ] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Names that begin with a dot, too.")] = False,
    journal: Annotated[Path | None, typer.Option(help=f"Default: {JOURNAL} in the folder.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask by hash, and upload nothing.")] = False,
    cost_per_photo: Annotated[float | None, typer.Option(min=0, help="To tell what it costs.")] = None,
    move_to: Annotated[Path | None, typer.Option(help="Move what has an answer into a folder per category.")] = None,
    undo: Annotated[Path | None, typer.Option(help=f"Move back what this {UNDO_FILE} names, and nothing else.")] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for what was refused before.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="A line of JSON for each photo.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A line of CSV for each photo.")] = False,
) -> None:
    """Classify all photos of a folder, each paid for at most once. Run it again to go on, or for what is new.

    Exit codes: 0 all have an answer, 1 some have none, 2 it could not be done.
    """
    errors = Console(stderr=True)
    if undo is not None:
        raise typer.Exit(_undo(errors, undo))
    if folder is None:
        raise typer.BadParameter("a folder is needed", param_hint="FOLDER")
    form = _form(as_json, as_jsonl, as_csv)
    try:
        options = Options(url, api_key=api_key, user_id=user, limits=Limits(total_seconds=patience))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    stop = threading.Event()
    _finish_on_interrupt(stop, errors)
    search = Search(tuple(ext), tuple(ignore or ()), hidden, () if move_to is None else (move_to,))
    try:
        with Journal.open(journal or folder / JOURNAL) as opened, Classifier(options) as client:
            if opened.skipped_lines:
                _say(errors, f"{opened.skipped_lines} damaged lines of the journal are passed over")
            found = find_photos(folder, search)
            lane: Lane | None = "deferred" if deferred else None
            work = Work(folder, client, opened, partial(shown_bar, errors), stop, concurrency, lane, retry_failed)
            _do(work, found, is_dry=dry_run)
    except (JournalError, OSError) as error:
        _say(errors, str(error))
        raise typer.Exit(Exit.FAILED) from error
    report = make_report(found, work.result, cost_per_photo, is_dry=dry_run)
    stayed = _move(errors, folder, work.result, move_to) if move_to is not None and not dry_run else []
    _write(report, form, errors)
    raise typer.Exit(_ending(errors, report, work.result, stayed))


def _do(work: Work, found: Found, *, is_dry: bool) -> None:
    work.hash(found)
    work.ask()
    if not is_dry:
        work.upload()


def _form(as_json: bool, as_jsonl: bool, as_csv: bool) -> Form:
    asked = [form for form, is_asked in ((Form.JSON, as_json), (Form.JSONL, as_jsonl), (Form.CSV, as_csv)) if is_asked]
    if len(asked) > 1:
        raise typer.BadParameter("only one of --json, --jsonl and --csv")
    return asked[0] if asked else Form.TABLE


def _finish_on_interrupt(stop: threading.Event, errors: Console) -> None:
    """Let the first Ctrl-C finish what is under way, and the second end the process as it would any."""

    def on_interrupt(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.write(2, b"\nfinishing what is under way; Ctrl-C again ends at once\n")

    signal.signal(signal.SIGINT, on_interrupt)


def _move(errors: Console, folder: Path, result: Result, target: Path) -> list[NotMoved]:
    entries = result.entries.values()
    photos = [(entry.file, entry.answer.category) for entry in entries if entry.answer and entry.is_answered]
    try:
        stayed = move_photos(folder, photos, target)
    except OSError as error:
        _say(errors, f"{target}: {error.strerror}")
        raise typer.Exit(Exit.FAILED) from error
    _say(errors, f"{len(photos) - len(stayed):,} moved; to undo it: classify-photos --undo {target / UNDO_FILE}")
    return stayed


def _undo(errors: Console, undo_file: Path) -> Exit:
    try:
        moved, stayed = undo_moves(undo_file)
    except (OSError, ValueError) as error:
        _say(errors, f"{undo_file}: {error}")
        return Exit.FAILED
    _say(errors, f"{moved:,} moved back")
    for file in stayed:
        _say(errors, f"not moved: {file.path}: {file.reason}")
    return Exit.SOME_FAILED if stayed else Exit.DONE


def _write(report: Report, form: Form, errors: Console) -> None:
    if form is Form.TABLE:
        show(Console(), errors, report)
    else:
        sys.stdout.buffer.write(rendered(report, form).encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()


def _ending(errors: Console, report: Report, result: Result, stayed: list[NotMoved]) -> Exit:
    for file in stayed:
        _say(errors, f"not moved: {file.path}: {file.reason}")
    if result.halted is not None:
        _say(errors, f"ended early: {result.halted}. Run it again to go on")
        return Exit.FAILED
    return Exit.SOME_FAILED if report.failures or stayed else Exit.DONE


def _say(errors: Console, text: str) -> None:
    errors.print(f"classify-photos: {printable(text)}", markup=False, highlight=False, soft_wrap=True)
