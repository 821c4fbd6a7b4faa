"""Health says what is wrong, costs nothing, and recovers by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.drivers.build import build_migrator
from app.services.images.decoding_server import DecodingServer
from tests.api.calls import check_cache, upload
from tests.conftest import TEST_DATABASE, make_client, make_settings, with_settings
from tests.factories import make_image
from tests.support.damage import make_damaged_file
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.mysql_server import MySQLServer

OPERATORS_KEY = "an-operators-key-of-many-characters"


@pytest.mark.on_both_databases
async def test_a_service_that_can_serve_is_healthy(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/health/ready"):
        response = await client.get(path)

        assert response.status_code == 200
        body = response.json()
        assert list(body) == ["status", "timestamp", "database", "model_api"]
        assert (body["status"], body["database"], body["model_api"]) == ("healthy", "connected", "available")


async def test_asking_for_health_asks_no_model(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    await client.get("/health")

    assert fake_models.calls == []


async def test_a_model_that_keeps_failing_is_unavailable_and_is_left_alone(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(status=500)
    for _ in range(3):  # two attempts each
        await upload(client, make_image())

    response = await client.get("/health")
    assert response.status_code == 200  # what is cached is still served
    assert (response.json()["status"], response.json()["model_api"]) == ("degraded", "unavailable")

    fake_models.behaviour, calls = Behaviour(), len(fake_models.calls)
    refused = await upload(client, make_image())
    assert refused.json()["error"]["code"] == "model_unavailable"
    assert 0 < int(refused.headers["retry-after"]) <= 30
    assert len(fake_models.calls) == calls


async def test_a_model_that_hangs_is_left_alone_too(
    settings: Settings, decoders: DecodingServer, fake_models: FakeModels
) -> None:
    hasty = with_settings(settings, llm_timeout=1.0)  # of which decoding may take less than half
    async with open_container(hasty, decoders=decoders) as container, make_client(hasty, container) as client:
        fake_models.behaviour = Behaviour(hang=True)
        codes = [(await upload(client, make_image())).json()["error"]["code"] for _ in range(6)]

        assert codes == ["model_timeout"] * 5 + ["model_unavailable"]
        assert (await client.get("/health")).json()["model_api"] == "unavailable"


async def test_refusals_say_nothing_about_the_models_health(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    fake_models.behaviour = Behaviour(finish="refusal", text="no")
    for _ in range(5):
        await upload(client, make_image())

    assert (await client.get("/health")).json()["model_api"] == "available"


@pytest.fixture
def away(tmp_path: Path) -> Settings:
    """Settings for a database server that is not there."""
    return make_settings(mysql_host="127.0.0.1", mysql_port=9, llm_provider="local", spool_dir=tmp_path / "spool")


async def test_of_several_servers_operators_see_which_does_what_and_others_do_not(
    mysql_settings: dict[str, Any],
) -> None:
    address = f"{mysql_settings['mysql_host']}:{mysql_settings['mysql_port']}"
    several = {**mysql_settings, "mysql_host": f"{address},127.0.0.1:9", "llm_provider": "local"}
    settings = make_settings(**several, admin_api_keys=OPERATORS_KEY)
    async with open_container(settings) as container, make_client(settings, container) as client:
        for path in ("/health", "/health/ready"):
            shown = await client.get(path, headers={"X-API-Key": OPERATORS_KEY})
            hidden = await client.get(path)

            assert shown.json()["database_nodes"] == [
                {"address": address, "role": "primary"},
                {"address": "127.0.0.1:9", "role": "unreachable"},
            ]
            assert (hidden.status_code, hidden.json()["database"]) == (200, "connected")
            assert "database_nodes" not in hidden.json()


async def test_without_its_database_the_service_starts_and_says_so(away: Settings) -> None:
    async with open_container(away) as container, make_client(away, container) as client:
        for path in ("/health", "/health/ready"):
            response = await client.get(path)
            assert response.status_code == 200
            assert (response.json()["status"], response.json()["database"]) == ("degraded", "disconnected")
        live = await client.get("/health/live")
        assert (live.status_code, live.json()["status"]) == (200, "alive")

        for path in ("/stats/today", "/stats/users/top", "/requests/req_1_a3f5d8c2b1e9"):
            response = await client.get(path)
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "database_unavailable"
            assert int(response.headers["retry-after"]) > 0
        assert (await upload(client, make_image())).status_code == 200


@pytest.fixture
def empty_database(mysql_server: MySQLServer) -> Iterator[str]:
    """The name of a database without tables."""
    name = f"{TEST_DATABASE}_empty"
    mysql_server.query(f"CREATE DATABASE {name}")
    yield name
    mysql_server.query(f"DROP DATABASE {name}")


async def test_an_empty_database_is_told_from_one_that_is_away_and_served_once_it_is_made(
    empty_database: str, mysql_server: MySQLServer, mysql_settings: dict[str, Any]
) -> None:
    settings = make_settings(**{**mysql_settings, "mysql_database": empty_database}, llm_provider="local")

    async with open_container(settings) as container, make_client(settings, container) as client:
        response = await client.get("/health")
        assert (response.status_code, response.json()["database"]) == (503, "not_initialized")

        await build_migrator(settings).migrate(lambda *_: None)

        assert (await client.get("/health")).json()["database"] == "connected"
        assert (await check_cache(client, make_image()))["cached"] is False


async def test_with_a_damaged_file_uploads_are_answered_and_health_says_that_something_is_wrong(tmp_path: Path) -> None:
    path = await make_damaged_file(tmp_path)
    settings = make_settings(sqlite_path=path, spool_dir=tmp_path / "spool", llm_provider="local")
    async with open_container(settings) as container, make_client(settings, container) as client:
        assert (await upload(client, make_image())).status_code == 200

        health = (await client.get("/health")).json()

    assert (health["status"], health["database"], health["spooled_records"]) == ("degraded", "disconnected", 1)


async def test_when_its_file_is_deleted_under_the_service_records_wait_and_health_says_so(tmp_path: Path) -> None:
    settings = make_settings(sqlite_path=tmp_path / "c.db", spool_dir=tmp_path / "spool", llm_provider="local")
    async with open_container(settings) as container, make_client(settings, container) as client:
        await upload(client, make_image())
        settings.sqlite_path.unlink()
        image = make_image()
        assert (await upload(client, image)).status_code == 200
        health = (await client.get("/health")).json()
        assert (health["status"], health["database"], health["spooled_records"]) == ("degraded", "disconnected", 1)

    async with open_container(settings) as container, make_client(settings, container) as client:
        async with asyncio.timeout(10):
            while not (await check_cache(client, image))["cached"]:
                await asyncio.sleep(0.02)
