"""P2: whatever is killed under load, no answer that was given is missing from the records, and none counts twice.

P1: no photo is paid for twice, but one whose answer was lost with its process.
"""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TEST_DATABASE, schema_of, settings_for_provider
from tests.support.fake_model_server import FakeModels
from tests.support.load import PHOTOS, Journal, load, spooled_bytes
from tests.support.mysql_server import MySQLServer, provision_private
from tests.support.service_process import GUNICORN, Service, running_service

ROUNDS = 5
LOAD_SECONDS = 2.0
"""After what was done has been done."""

AWAY_SECONDS = 10.0
SETTLE_SECONDS = 60

STRAY_NAMES = """
SELECT COUNT(*) FROM image_alias AS a
LEFT JOIN image_classification_cache AS c ON c.image_hash = a.image_hash
WHERE c.id IS NULL
"""


@pytest.fixture(scope="module")
def server() -> Iterator[MySQLServer]:
    started = provision_private()
    started.query(schema_of(TEST_DATABASE))
    yield started
    started.stop()


def check(server: MySQLServer, folder: Path, journal: Journal) -> None:
    """Wait for the spool to be replayed; then compare what was told with what was written."""
    end = time.monotonic() + SETTLE_SECONDS
    while spooled_bytes(folder):
        assert time.monotonic() < end, "the spool was not replayed"
        time.sleep(0.1)
    logged = {str(row[0]) for row in server.query("SELECT request_id FROM request_log", TEST_DATABASE)}
    ((hits, records),) = server.query(
        "SELECT (SELECT SUM(hit_count) FROM image_classification_cache), (SELECT COUNT(*) FROM request_log)",
        TEST_DATABASE,
    )
    assert journal.answered
    assert len(set(journal.answered)) == len(journal.answered)
    assert set(journal.answered) - logged == set()
    assert hits == records
    ((strays,),) = server.query(STRAY_NAMES, TEST_DATABASE)
    assert strays == 0


def check_paid_once(server: MySQLServer, models: FakeModels) -> None:
    """While the database is there, each photo is paid for once, and asked about again only where a kill cut it off."""
    ((answered,),) = server.query("SELECT COUNT(*) FROM model_call WHERE outcome = 'answered'", TEST_DATABASE)
    assert 0 < int(str(answered)) <= PHOTOS
    asked = Counter(call.jpeg for call in models.calls)
    assert max(asked.values()) <= 2


def workers(service: Service) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(service.process.pid)], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]


@pytest.mark.parametrize("round_number", range(ROUNDS))
@pytest.mark.parametrize("victim", ["worker", "master", "mysqld", "database away"])
def test_what_was_answered_is_recorded_once_whatever_is_killed(
    victim: str, round_number: int, server: MySQLServer, fake_models: FakeModels, tmp_path: Path
) -> None:
    tables = ("image_classification_cache", "request_log", "ledger_writer", "lease", "image_alias", "model_call")
    for table in tables:
        server.query(f"TRUNCATE TABLE {table}", TEST_DATABASE)
    settings = {
        **server.settings(TEST_DATABASE),
        "web_concurrency": 2,
        **settings_for_provider("openai", fake_models),
    }
    away_seconds = AWAY_SECONDS if victim == "database away" else 0.0
    journal = Journal()
    with running_service(tmp_path, GUNICORN, **settings) as service:

        def disturb() -> None:
            assert server.crash is not None
            assert server.restart is not None
            if victim == "worker":
                os.kill(random.choice(workers(service)), signal.SIGKILL)
            elif victim == "master":
                orphans = workers(service)
                service.process.kill()
                for orphan in orphans:
                    os.kill(orphan, signal.SIGKILL)
            else:
                server.crash()
                time.sleep(away_seconds)
                server.restart()

        asyncio.run(load(service.url, disturb, journal, LOAD_SECONDS))
        if victim != "master":
            check(server, tmp_path, journal)
    with running_service(tmp_path, GUNICORN, **settings):  # the next process adopts what the last left
        check(server, tmp_path, journal)
    if victim in ("worker", "master"):
        check_paid_once(server, fake_models)
