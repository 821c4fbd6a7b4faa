"""`python -m app.cli export` writes the records of the answered requests, each once."""

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from app.drivers.build import open_database
from app.repositories.export_repository import COLUMNS, ExportRepository, Selection
from tests.conftest import make_settings
from tests.factories import make_classification, make_context, make_hit, make_outcome
from tests.support.records import write_outcomes
from tests.support.service_process import environment

NOON = datetime(2025, 10, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def run_export(folder: Path, settings: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "export", *options],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
async def records(database_settings: dict[str, Any]) -> list[str]:
    """The ids of five requests on as many days, of two users; the third is a hit, and the last says strange things."""
    answered = [
        make_outcome(
            context=make_context(user_id=("anna", "bob")[number % 2]),
            created_at=NOON + number * DAY,
            classification=make_classification(),
        )
        for number in range(5)
    ]
    answered[2] = make_hit(answered[0], context=answered[2].context, created_at=answered[2].created_at)
    database = await open_database(make_settings(**database_settings))
    for outcome in answered:
        await write_outcomes(database, [outcome])
    await database.close()
    return [outcome.request_id for outcome in answered]


async def test_all_records_come_out_once_and_in_order(
    records: list[str], database_settings: dict[str, Any], tmp_path: Path
) -> None:
    run = run_export(tmp_path, database_settings)

    assert (run.returncode, run.stderr) == (0, "")
    rows = list(csv.DictReader(StringIO(run.stdout)))
    assert [row["request_id"] for row in rows] == records
    assert list(rows[0]) == list(COLUMNS)
    assert (rows[0]["created_at"], rows[0]["confidence"]) == ("2025-10-10T12:00:00Z", "0.92")


async def test_json_lines_keep_the_kinds_of_values(
    records: list[str], database_settings: dict[str, Any], tmp_path: Path
) -> None:
    run = run_export(tmp_path, database_settings, "log.jsonl", "--format", "jsonl")

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["request_id"] for row in rows] == records
    assert [row["from_cache"] for row in rows] == [False, False, True, False, False]
    assert (rows[2]["matched_by"], rows[0]["matched_by"]) == ("bytes", None)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--since", "2025-10-12"), [2, 3, 4]),
        (("--until", "2025-10-12"), [0, 1]),
        (("--since", "2025-10-11T12:00:00", "--until", "2025-10-13T12:00:00"), [1, 2]),
        (("--user", "bob"), [1, 3]),
        (("--user", "nobody"), []),
    ],
)
async def test_what_is_asked_for_alone_comes_out(
    options: tuple[str, ...], wanted: list[int], records: list[str], database_settings: dict[str, Any], tmp_path: Path
) -> None:
    run = run_export(tmp_path, database_settings, *options)

    rows = csv.DictReader(StringIO(run.stdout))
    assert [row["request_id"] for row in rows] == [records[number] for number in wanted]


async def test_pages_leave_nothing_out(records: list[str], database_settings: dict[str, Any]) -> None:
    database = await open_database(make_settings(**database_settings))

    pages = [page async for page in ExportRepository(database).fetch_pages(Selection(NOON, NOON + 9 * DAY), rows=2)]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [record["request_id"] for page in pages for record in page] == records
    await database.close()


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "classifier.db").write_text("this is no database\n" * 100, encoding="utf-8")

    run = run_export(tmp_path, {}, "log.csv")

    assert run.returncode == 1
    assert run.stderr.startswith("export: ")
    assert not [*tmp_path.glob("log.csv*")]
