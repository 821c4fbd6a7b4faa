"""Whatever becomes of its connections: no call of the MySQL driver takes longer than its limit, no caller is left
waiting, no connection is lost or made too many, and the same pool works again by itself."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from time import perf_counter

import pymysql
import pytest

from app.database import Sql, StatementTooLarge
from app.drivers.mysql import MySQLDatabase
from app.drivers.mysql_connect import MySQLAddress
from app.errors import DatabaseUnavailable
from tests.conftest import TEST_DATABASE
from tests.support.crowd import Crowd
from tests.support.mysql_server import MySQLServer
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import until

POOL = 10
CALLERS = 40
LIMIT_SECONDS = 1.0
WITH_SLACK = LIMIT_SECONDS + 0.5
RECOVERY_SECONDS = 5.0

ONE = Sql.same("SELECT 1")
IDENTIFY = Sql.same("SELECT CONNECTION_ID(), SLEEP(0.05)")


@pytest.fixture
async def proxy(mysql_server: MySQLServer) -> AsyncIterator[TcpProxy]:
    async with TcpProxy.running(mysql_server.host, mysql_server.port) as running:
        yield running


@pytest.fixture
async def database(proxy: TcpProxy, mysql_server: MySQLServer) -> AsyncIterator[MySQLDatabase]:
    address = MySQLAddress("127.0.0.1", proxy.port, mysql_server.user, mysql_server.password, TEST_DATABASE)
    opened = await MySQLDatabase.open(address, pool_size=POOL, timeout_seconds=LIMIT_SECONDS)
    yield opened
    async with asyncio.timeout(5):
        await opened.close()


async def silence(proxy: TcpProxy, crowd: Crowd) -> None:
    proxy.fall_silent()
    await crowd.until_all_are(answered=False, seconds=10)


async def resets(proxy: TcpProxy, crowd: Crowd) -> None:
    proxy.reset_all()
    await crowd.until_all_are(answered=False, seconds=10)


async def a_server_that_never_greets(proxy: TcpProxy, crowd: Crowd) -> None:
    proxy.greet_nobody()
    proxy.reset()
    await crowd.until_all_are(answered=False, seconds=10)


async def half_open_connections(proxy: TcpProxy, crowd: Crowd) -> None:
    proxy.forget()


@pytest.mark.parametrize("fault", [silence, resets, a_server_that_never_greets, half_open_connections])
async def test_no_call_outlasts_its_limit_and_the_pool_recovers_after(
    fault: Callable[[TcpProxy, Crowd], Awaitable[None]], database: MySQLDatabase, proxy: TcpProxy
) -> None:
    async with Crowd.calling(database, CALLERS, WITH_SLACK) as crowd:
        await crowd.until_all_are(answered=True, seconds=10)
        await fault(proxy, crowd)
        proxy.heal()
        await crowd.until_all_are(answered=True, seconds=RECOVERY_SECONDS)

    assert max(call.seconds for call in crowd.calls) < WITH_SLACK
    assert await connections_of(database) == POOL


async def test_no_call_outlasts_its_limit_when_all_connections_in_use_are_killed_again_and_again(
    database: MySQLDatabase, mysql_server: MySQLServer
) -> None:
    async with Crowd.calling(database, CALLERS, WITH_SLACK) as crowd:
        killed = 0
        while killed < 10 * POOL:
            killed += await asyncio.to_thread(kill_those_in_use, mysql_server)
        await crowd.until_all_are(answered=True, seconds=RECOVERY_SECONDS)

    assert max(call.seconds for call in crowd.calls) < WITH_SLACK
    assert await connections_of(database) == POOL


async def test_a_storm_of_callers_who_leave_leaves_no_waiter_behind(database: MySQLDatabase) -> None:
    chance = random.Random(1)
    async with Crowd.calling(database, CALLERS, WITH_SLACK) as crowd:
        for _ in range(50):
            leaving = [asyncio.create_task(database.fetch_all(IDENTIFY, {})) for _ in range(2 * POOL)]
            await asyncio.sleep(chance.uniform(0, 0.05))
            for task in leaving:
                task.cancel()
            async with asyncio.timeout(WITH_SLACK):
                await asyncio.wait(leaving)
            assert not any(task.exception() for task in leaving if not task.cancelled())
        await crowd.until_all_are(answered=True, seconds=RECOVERY_SECONDS)

    assert max(call.seconds for call in crowd.calls) < WITH_SLACK
    assert await connections_of(database) == POOL


async def test_a_statement_that_was_never_sent_does_not_say_that_the_server_is_back(
    proxy: TcpProxy, mysql_server: MySQLServer
) -> None:
    address = MySQLAddress("127.0.0.1", proxy.port, mysql_server.user, mysql_server.password, TEST_DATABASE)
    too_large = Sql.same("SELECT '" + "x" * 5000 + "'")
    with mysql_server.with_global("max_allowed_packet", 4096):
        # So short a limit that the other idle connection is not thought dead.
        database = await MySQLDatabase.open(address, pool_size=2, timeout_seconds=0.4)
        await asyncio.gather(*(database.fetch_all(IDENTIFY, {}) for _ in range(2)))
    proxy.fall_silent()
    with pytest.raises(DatabaseUnavailable, match="no answer"):
        await database.fetch_all(ONE, {})

    async with asyncio.timeout(RECOVERY_SECONDS):
        while not await is_too_large(database, too_large):  # until its turn to find out has come
            await asyncio.sleep(0.05)
    answers = await asyncio.gather(*(database.fetch_all(ONE, {}) for _ in range(2)), return_exceptions=True)

    assert sorted(answer.detail or "" for answer in answers if isinstance(answer, DatabaseUnavailable)) == [
        "MySQL gave no answer within 0.4 s",
        "MySQL was silent a moment ago",
    ]
    await database.close()


async def is_too_large(database: MySQLDatabase, sql: Sql) -> bool:
    try:
        await database.commit([(sql, {})])
    except StatementTooLarge:
        return True
    except DatabaseUnavailable:
        pass
    return False


async def test_one_caller_alone_is_not_sent_into_one_half_open_connection_after_the_other(
    database: MySQLDatabase, proxy: TcpProxy
) -> None:
    assert await connections_of(database) == POOL
    proxy.forget()

    async with asyncio.timeout(RECOVERY_SECONDS):
        while not await answers(database):
            pass

    for _ in range(POOL):
        assert await answers(database)


async def test_one_that_cannot_connect_holds_up_nobody_who_has_a_connection(
    database: MySQLDatabase, proxy: TcpProxy
) -> None:
    await database.fetch_all(ONE, {})
    proxy.greet_nobody()
    crowd = [asyncio.create_task(answers(database)) for _ in range(2)]

    answered = await asyncio.gather(*crowd)

    assert sorted(answered) == [False, True]
    assert await answers(database)


async def test_while_the_server_is_silent_calls_fail_at_once_but_for_one_that_finds_out(
    database: MySQLDatabase, proxy: TcpProxy
) -> None:
    assert await answers(database)
    proxy.fall_silent()
    assert not await answers(database)

    async with Crowd.calling(database, CALLERS, WITH_SLACK) as crowd:
        await until(lambda: any(call.seconds > LIMIT_SECONDS / 2 for call in crowd.calls), 10)
        proxy.heal()
        await crowd.until_all_are(answered=True, seconds=RECOVERY_SECONDS)

    in_vain = [call.seconds for call in crowd.calls if not call.answered]
    assert len(in_vain) > CALLERS
    assert len([seconds for seconds in in_vain if seconds > LIMIT_SECONDS / 2]) == 1


async def test_while_the_server_is_silent_a_statistic_fails_within_the_limit_of_a_quick_call(
    database: MySQLDatabase, proxy: TcpProxy
) -> None:
    assert await answers(database)
    proxy.fall_silent()
    assert not await answers(database)

    end = perf_counter() + 3 * LIMIT_SECONDS  # long enough for one of them to ask for a sign of life, and a pause
    took: list[float] = []
    while perf_counter() < end:
        started = perf_counter()
        assert not await answers(database, timeout_seconds=30)
        took.append(perf_counter() - started)
        await asyncio.sleep(0.01)

    assert LIMIT_SECONDS / 2 < max(took) < WITH_SLACK


async def test_statistics_are_answered_again_after_a_silence_though_nobody_asks_for_anything_else(
    database: MySQLDatabase, proxy: TcpProxy
) -> None:
    assert await answers(database)
    proxy.fall_silent()
    assert not await answers(database)
    proxy.heal()

    async with asyncio.timeout(RECOVERY_SECONDS):
        while not await answers(database, timeout_seconds=30):
            await asyncio.sleep(0.01)


async def test_writes_follow_the_primary_to_another_server(database: MySQLDatabase) -> None:
    await asyncio.gather(*(database.fetch_all(IDENTIFY, {}) for _ in range(3)))
    await database.fetch_all(Sql.same("SET SESSION TRANSACTION READ ONLY"), {})  # as if its server were a replica now

    async with asyncio.timeout(RECOVERY_SECONDS):
        while not await can_write(database):
            await asyncio.sleep(0.1)


async def can_write(database: MySQLDatabase) -> bool:
    try:
        await database.commit([(Sql.same("DELETE FROM ledger_writer WHERE writer = 'nobody'"), {})])
    except DatabaseUnavailable:
        return False
    return True


async def answers(database: MySQLDatabase, timeout_seconds: float | None = None) -> bool:
    try:
        await database.fetch_all(ONE, {}, timeout_seconds=timeout_seconds)
    except DatabaseUnavailable:
        return False
    return True


async def connections_of(database: MySQLDatabase) -> int:
    """Return how many connections serve a crowd that would use more."""
    rows = await asyncio.gather(*(database.fetch_all(IDENTIFY, {}) for _ in range(4 * POOL)))
    return len({identifier for ((identifier, _),) in rows})


def kill_those_in_use(server: MySQLServer) -> int:
    rows = server.query(
        "SELECT id FROM information_schema.processlist "
        f"WHERE db = '{TEST_DATABASE}' AND info LIKE '%SLEEP(0.020_)%' AND id <> CONNECTION_ID()"
    )
    for (identifier,) in rows:
        with suppress(pymysql.MySQLError):  # it is gone already
            server.query(f"KILL {identifier}")
    return len(rows)
