"""What a run says at its end: for people a table, for programs JSON, JSON Lines or CSV."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table

from photo_classifier.answer import Answer
from photo_classifier.cli.folder import Found
from photo_classifier.cli.journal import Entry, Failure, key_of
from photo_classifier.cli.work import Result

COLUMNS = (
    "path",
    "category",
    "confidence",
    "description",
    "matched_by",
    "degraded",
    "request_id",
    "image_hash",
    "content_hash",
    "error",
    "message",
)
NOT_REACHED = Failure("not_reached", "The run ended before it came to this photo.")
DEGRADED = Failure("degraded", "No model could be asked, and the answer is a makeshift: run it again another day.")


class Form(StrEnum):
    """What is written on standard output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Report:
    """A run, with what became of each photo in the order of their paths."""

    answers: dict[str, Answer]
    failures: dict[str, Failure]
    rows: list[dict[str, Any]]
    summary: dict[str, Any]


def make_report(found: Found, result: Result, cost_per_photo: float | None, *, is_dry: bool) -> Report:
    """Return the report of a run. Of a dry one, what would be uploaded is no failure."""
    answers = {path: entry.answer for path, entry in result.entries.items() if entry.answer and entry.is_answered}
    failures = {path: failure for path, failure in result.failures.items() if path not in answers}
    paths = sorted({file.path for file in found.files} | set(failures))
    waiting = {key_of(entry.names) for entry in result.to_upload} if is_dry else set()
    for path in paths:
        entry = result.entries.get(path)
        if path not in answers and path not in failures and not (entry and key_of(entry.names) in waiting):
            failures[path] = DEGRADED if entry and entry.answer else NOT_REACHED
    paid = sum(answer.is_paid for answer in result.fresh.values())
    asked = len(result.to_upload) if is_dry else paid
    summary = {
        "photos": len(paths),
        "answered": len(answers),
        "failed": len(failures),
        "to_upload": len(result.to_upload) if is_dry else 0,
        "to_upload_bytes": sum(entry.file.size for entry in result.to_upload) if is_dry else 0,
        "uploaded": sum(answer.uploaded_bytes > 0 for answer in result.fresh.values()),
        "uploaded_bytes": sum(answer.uploaded_bytes for answer in result.fresh.values()),
        "paid": paid,
        "cost": None if cost_per_photo is None else round(asked * cost_per_photo, 6),
        "categories": dict(Counter(answer.category for answer in answers.values()).most_common()),
        "ended_early": result.halted,
    }
    rows = [_row(path, result.entries.get(path), failures.get(path)) for path in paths]
    return Report(answers, failures, rows, summary)


def rendered(report: Report, form: Form) -> str:
    """Return what a program reads. A path that is no text in UTF-8 is escaped in JSON, and kept as it is in CSV."""
    if form is Form.CSV:
        output = io.StringIO()
        writer = csv.DictWriter(output, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(report.rows)
        return output.getvalue()
    if form is Form.JSONL:
        return "".join(f"{_json(row)}\n" for row in report.rows)
    return f"{_json({**report.summary, 'results': report.rows})}\n"


def show(console: Console, errors: Console, report: Report) -> None:
    """Print the table, and below it what has no answer, with the reasons."""
    table = Table("category", "photos", box=None)
    for category, photos in report.summary["categories"].items():
        table.add_row(category, f"{photos:,}")
    if report.answers:
        console.print(table)
    console.print(" · ".join(_sentences(report.summary)), highlight=False)
    for path, failure in report.failures.items():
        if failure is not NOT_REACHED:
            said = f"no answer: {printable(path)}: {printable(str(failure))}"
            errors.print(said, markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """Return a text for a terminal: what would move its cursor, or is no text, is escaped."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _sentences(summary: dict[str, Any]) -> Iterator[str]:
    yield f"{summary['answered']:,} of {summary['photos']:,} photos have an answer"
    if summary["to_upload"]:
        yield f"{summary['to_upload']:,} to upload, {_mb(summary['to_upload_bytes'])}"
    if summary["uploaded"]:
        yield f"{summary['uploaded']:,} uploaded, {_mb(summary['uploaded_bytes'])}, {summary['paid']:,} of them paid"
    if summary["cost"] is not None:
        yield f"cost {summary['cost']:,.2f}"
    if summary["failed"]:
        yield f"{summary['failed']:,} without"


def _mb(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"


def _row(path: str, entry: Entry | None, failure: Failure | None) -> dict[str, Any]:
    answer = entry and entry.answer
    return {
        "path": path,
        "category": answer and answer.category,
        "confidence": answer and answer.confidence,
        "description": answer and answer.description,
        "matched_by": answer and answer.matched_by,
        "degraded": answer and answer.degraded,
        "request_id": answer and answer.request_id,
        "image_hash": entry and entry.names.image_hash,
        "content_hash": entry and entry.names.content_hash,
        "error": failure and failure.code,
        "message": failure and failure.message,
    }


def _json(value: dict[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isascii() or _is_text(text) else json.dumps(value)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
