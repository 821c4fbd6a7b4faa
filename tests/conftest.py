"""What all tests share: settings of their own, both databases, the fake model vendor, the whole application.

Tests run on SQLite. Where SQL is the subject they run on SQLite and on MySQL: all of `tests/integration`, and whatever
is marked `on_both_databases`.
"""

import os
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import ASGITransport
from pydantic import BaseModel

from app.config import Settings

# A developer's own settings are not the tests'. Before app.main is imported, which reads them.
for _name in Settings.model_fields:
    os.environ.pop(_name.upper(), None)

# As in the service's own process, and before NumPy is imported: several tests at a time are what use several cores. On
# a busy machine the threads wait for each other, spinning: ten times as long.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# Authorities are looked up in the machine's folder where they are needed. Each of the thousands of HTTP clients would
# read all of them first, which takes as long as a test.
if _folder := ssl.get_default_verify_paths().capath:
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ["SSL_CERT_DIR"] = _folder

# ruff: noqa: E402
from app.container import Container, open_container
from app.database import Database
from app.drivers.build import open_database
from app.main import create_app
from app.services.images.decoding_server import DecodingServer
from app.services.network.build import NetworkServer
from app.services.network.pool import network_server
from app.utils.clock import Clock, utc_now
from tests.support.fake_model_server import FakeModels, RunningFakeModels
from tests.support.mysql_server import MySQLServer, NoServer, provision

TESTS = Path(__file__).parent
SAMPLES = TESTS.parent / "samples"
INIT_SQL = TESTS.parent / "sql/init.sql"
TEST_DATABASE = f"image_classifier_test_{secrets.token_hex(4)}"
"""A name of this run's own: several runs may use one server at the same time."""

TABLES = (
    "image_classification_cache",
    "request_log",
    "classification_refusal",
    "lease",
    "model_call",
    "ledger_writer",
    "signature_nonce",
    "image_alias",
    "image_fingerprint",
    "fingerprint_slot",
    "near_trial",
    "budget",
    "budget_reservation",
    "change_counter",
    "cache_change",
    "audit",
    "erased_user",
    "client_calls",
    "feedback",
    "stats_outbox",
    "stats_state",
    "stats_request",
    "stats_category",
    "stats_latency",
    "stats_call",
    "stats_member",
    "stats_distinct",
    "stats_user",
    "stats_recent",
    "stats_minute",
    "stats_minute_call",
)

_mysql: list[MySQLServer] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "on_both_databases: SQL is the subject, so the test runs on SQLite and on MySQL")
    if getattr(config.option, "numprocesses", None):  # the first of several processes: they share one server
        os.environ.update(_start_mysql().environment())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let tests about SQL run on each database in turn."""
    about_sql = metafunc.definition.path.is_relative_to(TESTS / "integration")
    if "database_settings" in metafunc.fixturenames and (
        about_sql or metafunc.definition.get_closest_marker("on_both_databases")
    ):
        metafunc.parametrize("database_settings", ["sqlite", "mysql"], indirect=True)


def pytest_report_header() -> list[str]:
    """Name the version of MySQL where it was started before any test was looked at."""
    return [_version_of(server) for server in _mysql]


def pytest_report_collectionfinish(items: list[pytest.Item]) -> str:
    """Start MySQL if any test needs it, and name its version."""
    return _version_of(_start_mysql()) if any(map(_needs_mysql, items)) else "MySQL: not needed by these tests"


def pytest_unconfigure() -> None:
    for server in _mysql:
        server.stop()


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MySQLServer]:
    """The server, with an empty database of this run made by sql/init.sql."""
    server = _start_mysql()
    server.query(schema_of(TEST_DATABASE))
    yield server
    server.query(f"DROP DATABASE {TEST_DATABASE}")


@pytest.fixture
def mysql_settings(mysql_server: MySQLServer, tmp_path: Path) -> dict[str, Any]:
    """Settings for MySQL, its tables emptied."""
    # Much quicker than TRUNCATE, which makes each table anew.
    as_new = "INSERT INTO stats_state (id, built_at) VALUES (1, UTC_TIMESTAMP())"
    mysql_server.query("; ".join([*(f"DELETE FROM {table}" for table in TABLES), as_new]), TEST_DATABASE)
    return {**mysql_server.settings(TEST_DATABASE), "spool_dir": tmp_path / "spool"}


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> dict[str, Any]:
    """Settings for SQLite, on a new file."""
    return {"sqlite_path": tmp_path / "classifier.db", "spool_dir": tmp_path / "spool"}


@pytest.fixture
def database_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings for SQLite, or for each database in turn where a test is about SQL."""
    settings: dict[str, Any] = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_settings")
    return settings


@pytest.fixture
async def database(database_settings: dict[str, Any]) -> AsyncIterator[Database]:
    """The database of these settings, empty."""
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


@pytest.fixture(scope="session")
async def network() -> AsyncIterator[NetworkServer]:
    """What runs the embedded network, once for all tests."""
    server = network_server()
    yield server
    await server.close()


@pytest.fixture
def clock() -> Clock:
    """The hour that the application goes by; a test may override it."""
    return utc_now


@pytest.fixture
async def container(settings: Settings, decoders: DecodingServer, clock: Clock) -> AsyncIterator[Container]:
    """Every real part."""
    async with open_container(settings, decoders=decoders, clock=clock) as opened:
        yield opened


@pytest.fixture
async def client(settings: Settings, container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, in this process."""
    async with make_client(settings, container) as made:
        yield made


@pytest.fixture
async def processes(settings: Settings, decoders: DecodingServer) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Three instances of the application on one database, as three processes are."""
    async with three_processes(settings, decoders) as clients:
        yield clients


@asynccontextmanager
async def three_processes(settings: Settings, decoders: DecodingServer) -> AsyncIterator[list[httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(3):
            container = await stack.enter_async_context(open_container(settings, decoders=decoders))
            clients.append(await stack.enter_async_context(make_client(settings, container)))
        yield clients


def schema_of(database: str) -> str:
    """Return what sql/init.sql says, for a database of this name."""
    return INIT_SQL.read_text(encoding="utf-8").replace("`image_classifier`", f"`{database}`")


class _GivenSettings(Settings):
    """Settings that come from a test alone. To look for each in the environment would take longer than many tests."""

    def __init__(self, **values: Any) -> None:
        BaseModel.__init__(self, **values)


def make_settings(**values: Any) -> Settings:
    """Return settings that come from a test alone."""
    return _GivenSettings(**values)


def with_settings(settings: Settings, **values: Any) -> Settings:
    """Return the settings with other values, all of them such as an operator could give."""
    return make_settings(**{**settings.model_dump(exclude_unset=True), **values})


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


def _start_mysql() -> MySQLServer:
    """Return the one server of this process, started if it is not yet; end the run where there is none to be had."""
    if not _mysql:
        try:
            # Nobody cuts the power, follows this server or looks into it: what survives its being killed is enough.
            quick = ("--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=OFF", "--disable-log-bin")
            _mysql.append(provision(*quick, "--performance-schema=OFF"))
        except NoServer as reason:
            pytest.exit(str(reason), returncode=3)
    return _mysql[0]


def _version_of(server: MySQLServer) -> str:
    return f"MySQL {server.version} ({server.source})"


def _needs_mysql(item: pytest.Item) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return "mysql_server" in getattr(item, "fixturenames", ()) or "mysql" in (
        parameters.get("database_settings"),
        parameters.get("deployment"),
    )
