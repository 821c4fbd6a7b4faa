"""What MySQL says in numbers is told in words where a person has to act, and never with a value or a secret."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.container import open_container
from app.database import ConstraintError, Sql, ValueRejected
from app.drivers.mysql import MySQLDatabase
from app.drivers.mysql_connect import MySQLAddress
from app.drivers.mysql_session import check_version
from app.errors import DatabaseMisconfigured, DatabaseNotInitialized, DatabaseRejected, DatabaseUnavailable
from tests.api.calls import upload
from tests.conftest import TEST_DATABASE, make_client, make_settings, schema_of
from tests.factories import make_image
from tests.support.mysql_server import MySQLServer, provision_private

PASSWORD = "hunter-MARKER-2"
ONE = Sql.same("SELECT 1")


@contextmanager
def user_with(server: MySQLServer, grant: str, state: str = "UNLOCK") -> Iterator[None]:
    """Make the user `narrow` with these rights, until the end of the block."""
    server.query(f"CREATE USER 'narrow'@'%' IDENTIFIED BY '{PASSWORD}' ACCOUNT {state}")
    try:
        if grant:
            server.query(f"GRANT {grant} TO 'narrow'@'%'")
        yield
    finally:
        server.query("DROP USER 'narrow'@'%'")


@dataclass(frozen=True)
class Mistake:
    """Something that an operator got wrong, and words that tell it."""

    words: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    made: Callable[[MySQLServer], AbstractContextManager[None]] = lambda server: nullcontext()


NARROW = {"mysql_user": "narrow", "mysql_password": PASSWORD}
MISTAKES = {
    "wrong password": Mistake(("1045", "root", "MYSQL_USER", "MYSQL_PASSWORD"), {"mysql_password": PASSWORD}),
    "unknown user": Mistake(("1045", "'ghost'"), {"mysql_user": "ghost", "mysql_password": PASSWORD}),
    "no right to the database": Mistake(
        ("1044", "'narrow'", TEST_DATABASE, "sql/README.md"), NARROW, lambda server: user_with(server, "")
    ),
    "no right to a table": Mistake(
        ("1142", "'narrow'", "sql/README.md"),
        NARROW,
        lambda server: user_with(server, f"SELECT ON {TEST_DATABASE}.request_log"),
    ),
    "a locked account": Mistake(
        ("3118", "locked", "'narrow'"),
        NARROW,
        lambda server: user_with(server, f"ALL ON {TEST_DATABASE}.*", "LOCK"),
    ),
}
TLS_ONLY = Mistake(
    ("3159", "TLS", "MYSQL_SSL_MODE"),
    made=lambda server: server.with_global("require_secure_transport", "ON"),
)


@pytest.fixture
def server_settings(mysql_server: MySQLServer, tmp_path: Path) -> dict[str, Any]:
    """Settings for tables that hold whatever they hold."""
    return {**mysql_server.settings(TEST_DATABASE), "spool_dir": tmp_path / "spool"}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=list(MISTAKES))
async def test_a_mistake_in_the_setup_is_told_in_a_sentence_and_no_traffic_is_sent_here(
    mistake: Mistake, mysql_server: MySQLServer, server_settings: dict[str, Any]
) -> None:
    await assert_it_is_told(mistake, mysql_server, server_settings)


async def test_a_server_that_takes_encrypted_connections_only_is_told_in_a_sentence(tmp_path: Path) -> None:
    server = provision_private()  # others could not connect to the one that tests share
    server.query(schema_of(TEST_DATABASE))
    try:
        settings = {**server.settings(TEST_DATABASE), "spool_dir": tmp_path / "spool"}
        await assert_it_is_told(TLS_ONLY, server, settings)
    finally:
        server.stop()


async def assert_it_is_told(mistake: Mistake, server: MySQLServer, server_settings: dict[str, Any]) -> None:
    settings = make_settings(**{**server_settings, **mistake.settings}, llm_provider="local")
    with mistake.made(server):
        async with open_container(settings) as container, make_client(settings, container) as client:
            with pytest.raises(DatabaseMisconfigured) as caught:
                await container.health.database.check()
            ready = await client.get("/health/ready")

    detail = str(caught.value.detail)
    assert [word for word in mistake.words if word not in detail] == []
    assert PASSWORD not in detail
    assert (ready.status_code, ready.json()["status"], ready.json()["database"]) == (503, "unhealthy", "misconfigured")


async def test_a_database_that_is_not_there_is_named(server_settings: dict[str, Any]) -> None:
    settings = make_settings(**{**server_settings, "mysql_database": "nowhere"}, llm_provider="local")
    async with open_container(settings) as container:
        with pytest.raises(DatabaseNotInitialized) as caught:
            await container.health.database.check()

    assert "'nowhere'" in str(caught.value.detail)
    assert "MYSQL_DATABASE" in str(caught.value.detail)


async def test_the_service_serves_as_soon_as_the_mistake_is_mended(
    mysql_server: MySQLServer, server_settings: dict[str, Any]
) -> None:
    settings = make_settings(**{**server_settings, **NARROW}, llm_provider="local")
    async with open_container(settings) as container, make_client(settings, container) as client:
        assert (await client.get("/health")).json()["database"] == "misconfigured"

        with user_with(mysql_server, f"SELECT, INSERT, UPDATE, DELETE ON {TEST_DATABASE}.*"):
            health: httpx.Response = await client.get("/health")

    assert (health.status_code, health.json()["database"]) == (200, "connected")


async def test_a_user_who_may_read_and_not_write_is_no_healthy_database(
    mysql_server: MySQLServer, mysql_settings: dict[str, Any]
) -> None:
    settings = make_settings(**{**mysql_settings, **NARROW}, llm_provider="local")
    with user_with(mysql_server, f"SELECT ON {TEST_DATABASE}.*"):
        async with open_container(settings) as container, make_client(settings, container) as client:
            assert (await upload(client, make_image())).status_code == 200

            health = await client.get("/health")
            assert (health.status_code, health.json()["database"]) == (503, "misconfigured")

            mysql_server.query(f"GRANT INSERT, UPDATE, DELETE ON {TEST_DATABASE}.* TO 'narrow'@'%'")
            async with asyncio.timeout(10):
                while (await client.get("/health")).json()["status"] != "healthy":
                    await asyncio.sleep(0.05)


@pytest.mark.parametrize("version", ["11.8.9-MariaDB-4 from Debian", "5.5.5-10.11.6-MariaDB", "10.6.16-MariaDB-log"])
def test_mariadb_is_told_by_its_name(version: str) -> None:
    with pytest.raises(DatabaseMisconfigured, match=r"MariaDB .*: use MySQL 8\.0\.19 or newer"):
        check_version(version)


@pytest.mark.parametrize("version", ["5.7.44-log", "8.0.18", "8.0.11-TiDB-v8.5.1"])
def test_a_mysql_that_is_too_old_is_told_by_its_version(version: str) -> None:
    with pytest.raises(DatabaseMisconfigured, match=f"MySQL {version}: use MySQL"):
        check_version(version)


@pytest.mark.parametrize("version", ["8.0.19", "8.0.36-28", "8.4.3-cloud", "9.7.4-2", "something new"])
def test_a_mysql_that_is_new_enough_is_taken(version: str) -> None:
    check_version(version)


@pytest.fixture
async def database(server_settings: dict[str, Any]) -> AsyncIterator[MySQLDatabase]:
    settings = make_settings(**server_settings)
    address = MySQLAddress(
        settings.mysql_host or "",
        settings.mysql_port,
        settings.mysql_user,
        settings.mysql_password.get_secret_value(),
        settings.mysql_database,
    )
    opened = await MySQLDatabase.open(address, pool_size=2)
    yield opened
    await opened.close()


INSERT = "INSERT INTO ledger_writer (writer, last_batch) VALUES (:value, 1)"
REJECTIONS = {
    "1406 too long": (INSERT, "MARKER" * 10, ValueRejected),
    "1264 out of range": ("INSERT INTO ledger_writer VALUES (:value, -1)", "MARKER", ValueRejected),
    "1366 no number": ("INSERT INTO ledger_writer VALUES ('w', :value)", "MARKER", ValueRejected),
    "1292 no moment": ("INSERT INTO signature_nonce VALUES ('k', 'n', 'r', :value)", "MARKER", ValueRejected),
    "3141 no JSON": ("SELECT * FROM JSON_TABLE(:value, '$[*]' COLUMNS (a INT PATH '$')) AS t", "MARKER", ValueRejected),
    "1690 overflow": ("SELECT 18446744073709551615 + 1, :value", "MARKER", ValueRejected),
    "1048 null": ("INSERT INTO ledger_writer VALUES (:value, NULL)", "MARKER", ConstraintError),
    "1064 syntax": ("SELEKT :value", "MARKER", DatabaseRejected),
    "1235 not supported": (
        "SELECT 1 WHERE :value IN (SELECT writer FROM ledger_writer LIMIT 1)",
        "MARKER",
        DatabaseRejected,
    ),
}


@pytest.mark.parametrize("case", REJECTIONS.values(), ids=list(REJECTIONS))
async def test_what_the_server_refuses_is_our_error_whose_causes_end(
    case: tuple[str, str, type[DatabaseRejected]], database: MySQLDatabase
) -> None:
    statement, value, kind = case

    with pytest.raises(DatabaseRejected) as caught:
        await database.execute(Sql.same(statement), {"value": value})

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (500, "internal_error")
    assert not isinstance(caught.value, DatabaseUnavailable)
    assert "MARKER" not in f"{caught.value} {caught.value.detail} {caught.value.message}"
    seen: list[BaseException] = []
    error: BaseException | None = caught.value
    while error is not None:
        assert error not in seen
        seen.append(error)
        error = error.__cause__ or error.__context__
