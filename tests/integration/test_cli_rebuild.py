"""`python -m app.cli rebuild` as a script calls it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.database import Sql
from app.drivers.build import open_database
from app.errors import StatisticsNotBuilt
from app.repositories.lease_repository import LeaseRepository
from app.repositories.stats_repository import StatsRepository
from app.services.upkeep.rollups import LEASE
from app.utils.days import last_days
from tests.conftest import make_settings
from tests.factories import make_outcome
from tests.support.records import write_outcomes
from tests.support.service_process import environment

NOW = datetime.now(UTC)


def rebuild(folder: Path, settings: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command with these settings alone."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "rebuild", *options],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=50,
    )


async def test_a_script_builds_what_is_incomplete_and_reads_how_much_that_was(
    database_settings: dict[str, Any], tmp_path: Path
) -> None:
    database = await open_database(make_settings(**database_settings))
    await write_outcomes(database, [make_outcome(created_at=NOW) for _ in range(3)])
    await database.execute(Sql.same("UPDATE stats_state SET built_at = NULL"), {})
    today = last_days(NOW, ZoneInfo("Asia/Shanghai"), 1)
    with pytest.raises(StatisticsNotBuilt):
        await StatsRepository(database).sum_requests(today)

    done = rebuild(tmp_path, {**database_settings, "stats_timezone": "Asia/Shanghai"}, "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"rows": 6, "timezone": "Asia/Shanghai"}
    assert [day.requests for day in await StatsRepository(database).sum_requests(today)] == [3]
    await database.close()


async def test_a_script_learns_that_another_process_is_at_it(sqlite_settings: dict[str, Any], tmp_path: Path) -> None:
    database = await open_database(make_settings(**sqlite_settings))
    await LeaseRepository(database).claim(LEASE, "another", 60)

    refused = rebuild(tmp_path, sqlite_settings, "--wait-seconds", "1")

    assert refused.returncode == 4
    assert refused.stderr == "rebuild: another process is at the statistics\n"
    await database.close()
