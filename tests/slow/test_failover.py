"""A failover: the old primary stays up, read-only, and its name leads to another server. Writes follow."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.container import open_container
from tests.api.calls import classify
from tests.conftest import TEST_DATABASE, make_client, make_settings
from tests.factories import make_image
from tests.support.mysql_server import MySQLServer, provision_private
from tests.support.service_process import ROOT
from tests.support.tcp_proxy import TcpProxy

FOLLOW_SECONDS = 10


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[MySQLServer, MySQLServer]]:
    script = (ROOT / "sql/init.sql").read_text(encoding="utf-8").replace("`image_classifier`", f"`{TEST_DATABASE}`")
    with ExitStack() as started:
        pair = []
        for _ in range(2):
            server = provision_private()
            started.callback(server.stop)
            server.query(script)
            pair.append(server)
        yield pair[0], pair[1]


def records(server: MySQLServer) -> int:
    return int(str(server.query("SELECT COUNT(*) FROM request_log", TEST_DATABASE)[0][0]))


async def uploads(client: httpx.AsyncClient, count: int) -> None:
    await asyncio.gather(*(classify(client, make_image(), user="device-1") for _ in range(count)))


async def test_writes_follow_the_primary_and_nothing_waits_for_ever(
    servers: tuple[MySQLServer, MySQLServer], tmp_path: Path
) -> None:
    old, new = servers
    async with TcpProxy.running(old.host, old.port) as name:
        values = {**old.settings(TEST_DATABASE), "mysql_port": name.port, "spool_dir": tmp_path / "spool"}
        settings = make_settings(**values, llm_provider="local")
        async with open_container(settings) as container, make_client(settings, container) as client:
            await uploads(client, 30)
            assert records(old) == 30

            old.query("SET GLOBAL super_read_only = ON")
            name.lead_to(new.host, new.port)
            answered = 0
            async with asyncio.timeout(FOLLOW_SECONDS):
                while records(new) == 0 or container.health.writer.waiting_answers:
                    await uploads(client, 3)
                    answered += 3
                    await asyncio.sleep(0.1)

            assert (await client.get("/health")).json()["status"] == "healthy"
            await uploads(client, 30)
            assert (records(old), records(new)) == (30, answered + 30)
            sessions = old.query("SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Sleep'")
            assert sessions == [(0,)]
