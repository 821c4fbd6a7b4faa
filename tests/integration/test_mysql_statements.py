"""Statements that return no rows, sent together on one connection: their replies are read by code of our own."""

from collections.abc import AsyncIterator
from typing import Any

import pymysql
import pytest

from app.drivers.mysql_connect import MySQLAddress, connect
from tests.support.mysql_server import MySQLServer

TABLE = "CREATE TEMPORARY TABLE numbers (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, number INT UNIQUE)"


@pytest.fixture
async def connection(mysql_server: MySQLServer, mysql_settings: dict[str, Any]) -> AsyncIterator[Any]:
    database = mysql_settings["mysql_database"]
    server = mysql_server
    opened = await connect(MySQLAddress(server.host, server.port, server.user, server.password, database))
    await opened.run(TABLE)
    yield opened
    opened.close()


async def numbers(connection: Any) -> list[int]:
    async with connection.cursor() as cursor:
        await cursor.execute("SELECT number FROM numbers ORDER BY number")
        return [number for (number,) in await cursor.fetchall()]


async def test_all_of_them_have_been_run_on_return(connection: Any) -> None:
    await connection.run(
        "BEGIN; INSERT INTO numbers (number) VALUES (1); INSERT INTO numbers (number) VALUES (2); COMMIT"
    )

    assert not connection.get_transaction_status()
    assert await numbers(connection) == [1, 2]


@pytest.mark.parametrize("first_id", [1, 250, 251, 65_535, 65_536, 2**24 - 1, 2**24, 2**40])
@pytest.mark.parametrize("rows", [1, 250, 251])
async def test_a_reply_is_read_however_large_its_numbers_are(connection: Any, first_id: int, rows: int) -> None:
    values = ", ".join(f"({number})" for number in range(rows))

    await connection.run(f"ALTER TABLE numbers AUTO_INCREMENT = {first_id}")
    await connection.run(f"BEGIN; INSERT INTO numbers (number) VALUES {values}")

    assert connection.get_transaction_status()
    assert len(await numbers(connection)) == rows


async def test_an_error_ends_them_and_what_was_begun_can_be_rolled_back(connection: Any) -> None:
    with pytest.raises(pymysql.err.IntegrityError):
        await connection.run(
            "BEGIN; INSERT INTO numbers (number) VALUES (1), (1); INSERT INTO numbers (number) VALUES (2); COMMIT"
        )

    assert connection.get_transaction_status()
    await connection.rollback()
    assert await numbers(connection) == []


async def test_one_that_returns_rows_is_a_mistake_and_ends_the_connection(connection: Any) -> None:
    with pytest.raises(pymysql.err.ProgrammingError, match="returned rows"):
        await connection.run("BEGIN; SELECT 1; COMMIT")

    assert connection.closed
