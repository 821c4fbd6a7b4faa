"""How many connections the pool keeps, and for how long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pymysql
import pytest

from app.drivers.mysql_connect import MySQLAddress, connect
from app.drivers.mysql_pool import MySQLPool
from app.drivers.mysql_session import Session
from app.errors import DatabaseUnavailable
from tests.conftest import TEST_DATABASE
from tests.support.mysql_server import MySQLServer
from tests.support.waiting import until

OpenPool = Callable[..., MySQLPool]


@pytest.fixture
async def open_pool(mysql_server: MySQLServer) -> AsyncIterator[OpenPool]:
    async with AsyncExitStack() as opened:

        def build(**limits: float) -> MySQLPool:
            server = mysql_server.host, mysql_server.port, mysql_server.user, mysql_server.password
            address = MySQLAddress(*server, TEST_DATABASE)
            pool = MySQLPool(10, partial(connect, address), Session().set_up, **limits)
            opened.push_async_callback(pool.close)
            return pool

        yield build


@asynccontextmanager
async def burst(pool: MySQLPool, connections: int) -> AsyncIterator[list[Any]]:
    """Use so many connections at the same time."""
    async with AsyncExitStack() as used:
        yield [await used.enter_async_context(pool.connection()) for _ in range(connections)]


async def use(pool: MySQLPool) -> Any:
    """Use one connection and return which it was."""
    async with pool.connection() as connection, connection.cursor() as cursor:
        await cursor.execute("SELECT CONNECTION_ID()")
        ((identifier,),) = await cursor.fetchall()
        return identifier


async def test_what_a_burst_made_is_closed_again_but_for_two(open_pool: OpenPool, mysql_server: MySQLServer) -> None:
    pool = open_pool(spare_seconds=0.3)
    async with burst(pool, 8) as connections:
        ids = [connection.thread_id() for connection in connections]

    def open_on_the_server() -> int:
        rows = mysql_server.query("SELECT id FROM information_schema.processlist")
        return len({identifier for (identifier,) in rows} & set(ids))

    assert pool.idle == 8
    await until(lambda: pool.idle == 2)
    await until(lambda: open_on_the_server() == 2)
    assert await use(pool) in ids


async def test_connections_that_are_needed_are_kept(open_pool: OpenPool) -> None:
    pool = open_pool(spare_seconds=0.3)
    async with burst(pool, 4):
        pass

    for _ in range(10):
        async with burst(pool, 4) as connections:
            for connection in connections:
                await connection.ping()
                async with connection.cursor() as cursor:
                    await cursor.execute("DO SLEEP(0.02)")

    assert pool.idle == 4


async def test_a_connection_that_is_too_old_is_not_given_out(
    open_pool: OpenPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = open_pool(max_age_seconds=60)
    first = await use(pool)
    assert await use(pool) == first
    let_pass(61, monkeypatch)

    assert await use(pool) != first


async def test_a_connection_that_has_grown_too_old_in_use_is_not_kept(
    open_pool: OpenPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = open_pool(max_age_seconds=60)
    async with pool.connection():
        let_pass(61, monkeypatch)

    assert pool.idle == 0


async def test_a_young_connection_is_used_again(open_pool: OpenPool) -> None:
    pool = open_pool()

    assert len({await use(pool) for _ in range(20)}) == 1


async def test_closing_waits_for_a_connection_in_use_and_lets_nobody_connect_behind_it(open_pool: OpenPool) -> None:
    pool = open_pool()
    async with pool.connection() as connection:
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        late = asyncio.create_task(use(pool))
        await connection.ping(reconnect=False)
        assert not closing.done()

    await closing
    with pytest.raises(DatabaseUnavailable, match="being closed"):
        await late
    assert (pool.idle, connection.closed) == (0, True)


async def test_leaving_a_server_ends_all_that_is_waited_for_there_and_the_next_caller_connects_anew(
    open_pool: OpenPool,
) -> None:
    pool = open_pool()
    async with burst(pool, 3):
        pass
    waiting = asyncio.create_task(sleep_there(pool))
    await until(lambda: pool.idle == 2)

    pool.leave()

    with pytest.raises(pymysql.OperationalError, match="2013"):
        await waiting
    assert pool.idle == 0
    assert await use(pool)


async def test_who_connects_while_the_server_is_left_is_given_a_connection_to_the_next(
    mysql_server: MySQLServer,
) -> None:
    server = mysql_server.host, mysql_server.port, mysql_server.user, mysql_server.password
    made: list[Any] = []

    async def connect_and_move() -> Any:
        made.append(await connect(MySQLAddress(*server, TEST_DATABASE)))
        if len(made) == 1:
            pool.leave()
        return made[-1]

    pool = MySQLPool(10, connect_and_move, Session().set_up)

    async with pool.connection() as connection:
        assert connection is made[1]

    assert made[0].closed
    await pool.close()


async def sleep_there(pool: MySQLPool) -> None:
    async with pool.connection() as connection, connection.cursor() as cursor:
        await cursor.execute("DO SLEEP(30)")


def let_pass(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pool's clock be so far ahead from now on."""
    monkeypatch.setattr("app.drivers.mysql_pool._now", lambda: asyncio.get_running_loop().time() + seconds)
