"""A primary and a real replica with ordinary replication: up to date, half a minute behind, dead, paused.

No answer that is known is refused for its sake, nothing is paid for twice, and no corrected answer comes back.
"""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.utils.clock import utc_now
from tests.api.calls import check_cache, classify
from tests.conftest import TEST_DATABASE, make_client, make_settings
from tests.factories import make_image
from tests.support.fake_model_server import FakeModels
from tests.support.mysql_server import MySQLServer, provision_private
from tests.support.service_process import ROOT

_GTID = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-bin=binlog", "--sync-binlog=0")
_HOUR = 3600


class Pair:
    """A primary and its replica."""

    def __init__(self, primary: MySQLServer, replica: MySQLServer) -> None:
        self.primary = primary
        self.replica = replica

    def connect(self) -> None:
        """Let the replica follow the primary."""
        self.replica.query(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_USER = 'root', SOURCE_PASSWORD = '', "
            f"SOURCE_PORT = {self.primary.port}, SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, "
            "SOURCE_CONNECT_RETRY = 1"
        )
        self.replica.query("START REPLICA")

    def delay(self, seconds: int) -> None:
        """Let the replica be so far behind from now on."""
        self.replica.query("STOP REPLICA SQL_THREAD")
        self.replica.query(f"CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}")
        self.replica.query("START REPLICA SQL_THREAD")

    def is_level(self) -> bool:
        """Whether the replica has all that the primary has, this moment."""
        ((gtids,),) = self.primary.query("SELECT @@GLOBAL.gtid_executed")
        ((has,),) = self.replica.query(f"SELECT GTID_SUBSET('{gtids}', @@GLOBAL.gtid_executed)")
        return bool(has)


@pytest.fixture(scope="module")
def running_pair() -> Iterator[Pair]:
    script = (ROOT / "sql/init.sql").read_text(encoding="utf-8").replace("`image_classifier`", f"`{TEST_DATABASE}`")
    with ExitStack() as stack:
        primary = provision_private("--server-id=1", *_GTID)
        stack.callback(primary.stop)
        replica = provision_private("--server-id=2", *_GTID)
        stack.callback(replica.stop)
        pair = Pair(primary, replica)
        pair.connect()
        primary.query(script)
        yield pair


@pytest.fixture
async def pair(running_pair: Pair) -> AsyncIterator[Pair]:
    yield running_pair
    running_pair.delay(0)
    async with asyncio.timeout(60):
        while not running_pair.is_level():
            await asyncio.sleep(0.1)


@pytest.fixture
def settings(pair: Pair, provider_settings: dict[str, Any], tmp_path: Path) -> Settings:
    """Without memory, so that each look-up goes to a server."""
    return make_settings(
        **pair.primary.settings(TEST_DATABASE),
        **provider_settings,
        mysql_read_hosts=f"127.0.0.1:{pair.replica.port}",
        memory_cache_entries=0,
        spool_dir=tmp_path / "spool",
    )


@asynccontextmanager
async def service(settings: Settings, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, reading from the replica."""
    changed = settings.model_copy(update=changes)
    async with open_container(changed) as container, make_client(changed, container) as client:
        await reading(client, 1)
        yield client


async def figure(client: httpx.AsyncClient, series: str) -> float:
    text = (await client.get("http://test/metrics")).text
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(series))


async def reading(client: httpx.AsyncClient, readers: int) -> None:
    """Wait until the replica is read from, or is not."""
    async with asyncio.timeout(30):
        while await figure(client, "image_classifier_replica_readers{") != readers:
            await asyncio.sleep(0.1)


async def lookups(client: httpx.AsyncClient, result: str) -> float:
    return await figure(client, f'image_classifier_replica_lookups_total{{result="{result}"}}')


async def category_of(client: httpx.AsyncClient, image: bytes) -> str:
    answer = await check_cache(client, image, "u")
    assert answer["cached"], answer
    return str(answer["data"]["category"])


async def correct(client: httpx.AsyncClient, image: bytes, category: str) -> None:
    body = {"category": category, "reason": "a test"}
    response = await client.put(f"/cache/{hashlib.sha256(image).hexdigest()}", json=body)
    assert response.status_code == 200, response.text


async def test_what_the_replica_has_is_read_there_and_counted_at_the_primary(pair: Pair, settings: Settings) -> None:
    async with service(settings) as client:
        image = make_image()
        answer = await classify(client, image)
        async with asyncio.timeout(20):
            while await lookups(client, "hit") == 0:
                assert (await check_cache(client, image, "u"))["data"] == answer["data"]

        hits = pair.primary.query("SELECT SUM(hit_count) FROM image_classification_cache", TEST_DATABASE)
        logged = pair.primary.query("SELECT COUNT(*) FROM request_log", TEST_DATABASE)
        assert hits == logged


async def test_half_a_minute_behind_nothing_known_is_refused_nothing_paid_twice_and_no_old_answer_given(
    pair: Pair, settings: Settings, fake_models: FakeModels
) -> None:
    async with service(settings, mysql_read_max_lag_seconds=_HOUR) as client:
        old = make_image()
        before = (await classify(client, old))["data"]["category"]
        async with asyncio.timeout(20):
            while await lookups(client, "hit") == 0:
                await category_of(client, old)
        pair.delay(30)
        after = "pets" if before != "pets" else "foods"

        new = make_image()
        await classify(client, new)
        asked = len(fake_models.calls)
        assert (await check_cache(client, new, "u"))["cached"]
        assert (await classify(client, new))["from_cache"]
        await correct(client, old, after)
        for _ in range(20):
            assert await category_of(client, old) == after
            await asyncio.sleep(0.1)

        assert len(fake_models.calls) == asked
        assert await lookups(client, "behind") >= 20
        rows = pair.replica.query("SELECT category FROM image_classification_cache", TEST_DATABASE)
        assert (before,) in rows  # the replica says the old answer all the time
        assert (after,) not in rows


async def test_statistics_of_a_replica_say_as_of_when_they_are_and_one_too_far_behind_tells_none(
    pair: Pair, settings: Settings
) -> None:
    pair.delay(6)
    async with service(settings, mysql_read_max_lag_seconds=_HOUR) as client:
        async with asyncio.timeout(30):
            while await figure(client, "image_classifier_replica_lag_seconds{") < 5:
                await asyncio.sleep(0.1)
        began = utc_now()
        before = (await client.get("/stats/today")).json()
        await classify(client, make_image())
        after = (await client.get("/stats/today")).json()

        assert after["data"]["total_requests"] == before["data"]["total_requests"]
        assert _moment(after["as_of"]) < began - timedelta(seconds=3)

    async with open_container(settings) as container, make_client(settings, container) as client:
        told = (await client.get("/stats/today")).json()
        assert told["data"]["total_requests"] == after["data"]["total_requests"] + 1
        assert _moment(told["as_of"]) > began - timedelta(seconds=1)


@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_a_replica_that_dies_fails_no_request_and_is_read_again_when_it_is_back(
    how: str, pair: Pair, settings: Settings
) -> None:
    assert pair.replica.crash is not None
    assert pair.replica.restart is not None
    assert pair.replica.send_signal is not None
    async with service(settings) as client:
        image = make_image()
        await classify(client, image)
        if how == "killed":
            pair.replica.crash()
        else:
            pair.replica.send_signal(signal.SIGSTOP)
        try:
            for _ in range(30):
                await category_of(client, image)
                assert (await client.get("/stats/today")).status_code == 200
            await reading(client, 0)
        finally:
            if how == "killed":
                await asyncio.to_thread(pair.replica.restart)
            else:
                pair.replica.send_signal(signal.SIGCONT)
        await reading(client, 1)
        await category_of(client, image)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
