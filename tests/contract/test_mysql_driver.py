"""What the pool uses of aiomysql beyond its documentation is there in the release that is pinned, and means what we
think."""

import re
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiomysql
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database import Params, Sql
from app.drivers.build import open_database
from app.drivers.mysql_session import escape_string
from tests.conftest import make_settings
from tests.support.mysql_server import MySQLServer
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def connection(mysql_server: MySQLServer) -> AsyncIterator[Any]:
    opened = await aiomysql.connect(
        host=mysql_server.host, port=mysql_server.port, user=mysql_server.user, password=mysql_server.password
    )
    yield opened
    opened.close()


def test_the_release_that_is_tested_is_the_one_that_is_pinned() -> None:
    pins = dict(re.findall(r"^(aiomysql|pymysql)\S*==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))

    assert pins == {"aiomysql": version("aiomysql"), "pymysql": version("pymysql")}


async def test_a_connection_that_lives_shows_no_end(connection: Any) -> None:
    reader = connection._reader

    assert not connection.closed
    assert not reader.at_eof()
    assert not reader.eof_received
    assert reader.exception() is None
    assert connection.get_transaction_status() is False


async def test_a_connection_whose_server_has_hung_up_shows_it_before_it_is_used(
    connection: Any, mysql_server: MySQLServer
) -> None:
    mysql_server.query(f"KILL {connection.thread_id()}")

    await until(lambda: connection._reader.eof_received)
    assert not connection.closed


async def test_a_connection_knows_when_it_was_asked_last(connection: Any) -> None:
    before = connection.loop.time()

    async with connection.cursor() as cursor:
        await cursor.execute("SELECT 1")

    assert before <= connection.last_usage <= connection.loop.time()


async def test_closing_is_done_at_once_and_is_seen(connection: Any) -> None:
    connection.close()

    assert connection.closed


async def test_an_error_of_the_server_carries_its_number_and_its_sqlstate(connection: Any) -> None:
    async with connection.cursor() as cursor:
        with pytest.raises(aiomysql.Error) as caught:
            await cursor.execute("SELECT CAST('no JSON' AS JSON)")

    assert isinstance(caught.value.args[0], int)
    assert caught.value.sqlstate == "22032"


@given(st.text() | st.text(alphabet="\\\"'\0\n\r\x1a\t%_aé😀"))
def test_what_is_sent_is_escaped_as_the_driver_would_but_for_quotation_marks(text: str) -> None:
    assert escape_string(text) == pymysql.converters.escape_string(text).replace('\\"', '"')


async def test_values_are_escaped_by_the_servers_mode(mysql_settings: dict[str, Any]) -> None:
    """Whatever characters a value has, in either mode it stays a value, and comes back."""
    hostile = "\\' OR 1 = 1 -- \" \\\\ \0 \n \r \x1a é 😀"
    database = await open_database(make_settings(**mysql_settings, mysql_pool_size=1))

    for mode in ("ANSI_QUOTES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"):
        await database.execute(Sql.same(f"SET SESSION sql_mode = '{mode}'"), {})
        assert await database.fetch_all(Sql.same("SELECT :value"), {"value": hostile}) == [(hostile,)]
        for listed, found in ((("x", hostile), 1), (("x", "', '"), 0)):
            values: Params = {"value": hostile, "listed": listed}
            assert await database.fetch_all(Sql.same("SELECT :value IN :listed"), values) == [(found,)]

    await database.close()
