"""What all tests share: settings of their own, both databases, the fake model vendor, the whole application."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import ASGITransport

from app.config import Settings

# A developer's own settings are not the tests'. Before app.main is imported, which reads them.
for _name in Settings.model_fields:
    os.environ.pop(_name.upper(), None)

# ruff: noqa: E402
from app.container import Container, open_container
from app.database import Database
from app.drivers.build import open_database
from app.main import create_app
from app.services.images.decoding_server import DecodingServer
from tests.support.fake_model_server import FakeModels, RunningFakeModels
from tests.support.mysql_server import MySQLServer, NoServer, provision

SAMPLES = Path(__file__).parents[1] / "samples"
TEST_DATABASE = "image_classifier_test"
TABLES = (
    "image_classification_cache",
    "request_log",
    "classification_refusal",
    "classification_lease",
    "ledger_writer",
    "signature_nonce",
)

_mysql: list[MySQLServer] = []


def pytest_report_collectionfinish(items: list[pytest.Item]) -> str:
    """Start MySQL if any test needs it, and name its version in the header."""
    if not any("mysql_server" in getattr(item, "fixturenames", ()) for item in items):
        return "MySQL: not needed by these tests"
    try:
        _mysql.append(provision())
    except NoServer as reason:
        pytest.exit(str(reason), returncode=3)
    return f"MySQL {_mysql[0].version} ({_mysql[0].source})"


def pytest_unconfigure() -> None:
    for server in _mysql:
        server.stop()


@pytest.fixture(scope="session")
def mysql_server() -> MySQLServer:
    """The server, with an empty database made by sql/init.sql."""
    (server,) = _mysql
    script = (Path(__file__).parents[1] / "sql/init.sql").read_text(encoding="utf-8")
    server.query(f"DROP DATABASE IF EXISTS {TEST_DATABASE}")
    server.query(script.replace("`image_classifier`", f"`{TEST_DATABASE}`"))
    return server


@pytest.fixture
def mysql_settings(mysql_server: MySQLServer, tmp_path: Path) -> dict[str, Any]:
    """Settings for MySQL, its tables emptied."""
    for table in TABLES:
        mysql_server.query(f"TRUNCATE TABLE {table}", TEST_DATABASE)
    return {**mysql_server.settings(TEST_DATABASE), "spool_dir": tmp_path / "spool"}


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> dict[str, Any]:
    """Settings for SQLite, on a new file."""
    return {"sqlite_path": tmp_path / "classifier.db", "spool_dir": tmp_path / "spool"}


@pytest.fixture(params=["sqlite", "mysql"])
def database_settings(request: pytest.FixtureRequest, tmp_path: Path, mysql_server: MySQLServer) -> dict[str, Any]:
    """Settings for each database in turn."""
    settings: dict[str, Any] = request.getfixturevalue(f"{request.param}_settings")
    return settings


@pytest.fixture
async def database(database_settings: dict[str, Any]) -> AsyncIterator[Database]:
    """Each database in turn, empty."""
    opened = await open_database(make_settings(**database_settings))
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def running_fake_models() -> Iterator[FakeModels]:
    with RunningFakeModels() as models:
        yield models


@pytest.fixture
def fake_models(running_fake_models: FakeModels) -> Iterator[FakeModels]:
    """The fake vendor, without memory of earlier tests."""
    running_fake_models.reset()
    yield running_fake_models
    running_fake_models.reset()


@pytest.fixture
def provider_settings(fake_models: FakeModels) -> dict[str, Any]:
    """Settings for the provider that most tests use; a test may override it."""
    return settings_for_provider("openai", fake_models)


@pytest.fixture
def settings(database_settings: dict[str, Any], provider_settings: dict[str, Any]) -> Settings:
    """The settings in effect for `client`."""
    return make_settings(**database_settings, **provider_settings)


@pytest.fixture(scope="session")
async def decoders() -> AsyncIterator[DecodingServer]:
    """What starts decoding processes, once for all tests."""
    server = DecodingServer(frozenset({"HEIF"}))
    yield server
    await server.close()


@pytest.fixture
async def container(settings: Settings, decoders: DecodingServer) -> AsyncIterator[Container]:
    """Every real part."""
    async with open_container(settings, decoders=decoders) as opened:
        yield opened


@pytest.fixture
async def client(settings: Settings, container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, in this process, on each database in turn."""
    async with make_client(settings, container) as made:
        yield made


def make_settings(**values: Any) -> Settings:
    """Return settings that come from a test alone."""
    return Settings(_env_file=None, **values)


def make_client(settings: Settings, container: Container) -> httpx.AsyncClient:
    """Return a client of the application. Exceptions that escape it fail the test."""
    transport = ASGITransport(create_app(settings, container), client=("192.0.2.7", 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://test/api/v1")


def settings_for_provider(provider: str, models: FakeModels) -> dict[str, Any]:
    """Return settings that point a provider at the fake vendor."""
    if provider == "local":
        return {"llm_provider": "local"}
    base_url = models.base_url if provider == "claude" else f"{models.base_url}/v1"
    model = {"llm_model": "qwen-vl"} if provider == "custom" else {}
    return {"llm_provider": provider, "llm_api_key": "test-key", "llm_base_url": base_url, "llm_timeout": 5.0, **model}
