"""P2 on a cluster: whatever becomes of its primary under load, each answer is recorded once, and writes go on at the
next primary without a restart.

P1: every question that was paid for is on record, and each worker pays for a photo once at most. While there is no
primary there are no leases, and what one worker has found out the other one learns when the spool is written.

CLUSTER_ROUNDS says how many rounds there are of each kind; with `-rP` pytest shows the figures of each.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.drivers.build import open_database
from tests.conftest import TABLES, TEST_DATABASE, make_settings, schema_of, settings_for_provider
from tests.support.exact_statistics import check_statistics
from tests.support.fake_model_server import FakeModels
from tests.support.load import Journal, load, spooled_bytes
from tests.support.mysql_cluster import Cluster, Member, running_cluster
from tests.support.mysql_server import MySQLServer
from tests.support.service_process import GUNICORN, running_service

ROUNDS = int(os.environ.get("CLUSTER_ROUNDS", "1"))
AWAY_SECONDS = 20.0
LOAD_SECONDS = 2.0
"""After the member is back."""

MOST_SECONDS_AFTER_ELECTION = 3.0
SETTLE_SECONDS = 60.0
WORKERS = 2

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Disturbance:
    """What is done to the primary, and what ends it."""

    begin: Callable[[Member], None]
    end: Callable[[Member], None]
    needs_networks: bool = False


DISTURBANCES = {
    "killed": Disturbance(Member.kill, Member.restart),
    "asleep": Disturbance(Member.pause, Member.wake),
    "cut off": Disturbance(Member.cut_off, Member.connect_again, needs_networks=True),
    "cut off from the other members alone": Disturbance(
        Member.cut_off_from_members, Member.connect_again, needs_networks=True
    ),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster(schema_of(TEST_DATABASE), TEST_DATABASE) as running:
        yield running


def empty(server: MySQLServer) -> None:
    as_new = "INSERT INTO stats_state (id, built_at) VALUES (1, UTC_TIMESTAMP())"
    server.query("; ".join([*(f"DELETE FROM {table}" for table in TABLES), as_new]), TEST_DATABASE)


def requests_on(member: Member) -> int:
    ((requests,),) = member.server.query("SELECT COUNT(*) FROM request_log", TEST_DATABASE)
    return int(str(requests))


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.mark.parametrize("round_number", range(ROUNDS))
@pytest.mark.parametrize("kind", DISTURBANCES)
def test_what_was_answered_is_recorded_once_whatever_becomes_of_the_primary(
    kind: str,
    round_number: int,
    cluster: Cluster,
    fake_models: FakeModels,
    tmp_path: Path,
) -> None:
    disturbance = DISTURBANCES[kind]
    if disturbance.needs_networks and not cluster.has_networks:
        pytest.skip("network namespaces are for root on Linux")
    empty(cluster.primary.server)
    settings = {**cluster.settings(TEST_DATABASE), **settings_for_provider("openai", fake_models)}
    journal = Journal()
    waited: list[float] = []

    def disturb() -> None:
        old = cluster.primary
        began = time.monotonic()
        disturbance.begin(old)
        try:
            new = cluster.wait_for_primary(cluster.others(old))
            elected, known = time.monotonic(), requests_on(new)
            wait_until(lambda: requests_on(new) > known, SETTLE_SECONDS, "no writes went on")
            resumed = time.monotonic()
            time.sleep(max(0.0, began + AWAY_SECONDS - resumed))
        finally:
            disturbance.end(old)
        old.rejoin()
        print(f"{kind}: elected after {elected - began:.2f} s, writes {resumed - elected:.2f} s later")  # noqa: T201
        waited.append(resumed - elected)

    with running_service(tmp_path, GUNICORN, web_concurrency=WORKERS, **settings) as service:
        asyncio.run(load(service.url, disturb, journal, LOAD_SECONDS))
        wait_until(lambda: spooled_bytes(tmp_path) == 0, SETTLE_SECONDS, "the spool was not replayed")
        asked = Counter(call.jpeg for call in fake_models.calls)
        print(f"{kind}: {len(journal.answered)} answers, {journal.failed} failures")  # noqa: T201
        print(f"{kind}: {asked.total()} paid questions about {len(asked)} photos")  # noqa: T201
        check(cluster, journal)
        check_paid(cluster, asked)
    assert max(waited) < MOST_SECONDS_AFTER_ELECTION


def check(cluster: Cluster, journal: Journal) -> None:
    """Compare what was told with what was written, on every member; and the sums with scans."""
    primary = cluster.primary
    logged = {str(row[0]) for row in primary.server.query("SELECT request_id FROM request_log", TEST_DATABASE)}
    assert len(set(journal.answered)) == len(journal.answered)
    assert (set(journal.answered) - logged, logged - set(journal.answered)) == (set(), set())
    ((hits,),) = primary.server.query("SELECT SUM(hit_count) FROM image_classification_cache", TEST_DATABASE)
    assert hits == len(logged)
    for member in cluster.others(primary):
        wait_until(lambda at=member: requests_on(at) == len(logged), SETTLE_SECONDS, f"{member.name} has other rows")  # type: ignore[misc]
    assert asyncio.run(check_sums(cluster)) == len(logged)


def check_paid(cluster: Cluster, asked: Counter[bytes]) -> None:
    """Compare what the vendor was asked with what is on record, and with what an outage may cost."""
    ((recorded,),) = cluster.primary.server.query("SELECT COUNT(*) FROM model_call", TEST_DATABASE)
    assert recorded == asked.total()
    assert max(asked.values()) <= WORKERS


async def check_sums(cluster: Cluster) -> int:
    database = await open_database(make_settings(**cluster.settings(TEST_DATABASE)))
    try:
        return await check_statistics(database)
    finally:
        await database.close()
