"""`python -m app.cli stats` shows what the statistics of the interface say."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.database import Database
from tests.api.calls import get_data
from tests.factories import make_call, make_hit, make_outcome
from tests.support.records import write_outcomes
from tests.support.service_process import environment


def run_stats(folder: Path, settings: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "stats", *options],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_a_script_gets_what_the_interface_says(
    database: Database, client: httpx.AsyncClient, database_settings: dict[str, Any], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    paid = make_outcome(created_at=now, calls=(make_call(started_at=now),))
    await write_outcomes(database, [paid])
    await write_outcomes(database, [make_hit(paid, created_at=now)])

    run = run_stats(tmp_path, database_settings, "--json")

    assert (run.returncode, run.stderr) == (0, "")
    told = json.loads(run.stdout)
    assert told["today"] == await get_data(client, "/stats/today")
    assert told["cache"] == await get_data(client, "/stats/cache-efficiency")
    assert told["tokens"]["total"] == (await get_data(client, "/stats/tokens"))["total"]
    assert told["users"] == await get_data(client, "/stats/users/top")
    assert told["models"]["models"] == (await get_data(client, "/stats/models"))["models"]
    assert [row["image_hash"] for row in told["images"]] == [paid.image_hash]


async def test_a_person_sees_tables(database: Database, database_settings: dict[str, Any], tmp_path: Path) -> None:
    await write_outcomes(database, [make_outcome(created_at=datetime.now(UTC))])

    shown = run_stats(tmp_path, database_settings)

    assert shown.returncode == 0
    assert "total requests" in shown.stdout
    assert "device-42" in shown.stdout


def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    run = run_stats(tmp_path, {"mysql_host": "127.0.0.1", "mysql_port": 9})

    assert run.returncode == 1
    assert run.stderr.startswith("stats: ")
    assert run.stderr.count("\n") == 1
