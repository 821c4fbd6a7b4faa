"""The MySQL driver's guard: no call waits for ever, whatever happens to connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
from loguru import logger

from app.config import Settings
from app.database import Sql, Statement, StatementTooLarge, ValueRejected
from app.drivers.mysql import MySQLDatabase
from app.drivers.mysql_connect import MySQLAddress
from app.errors import DatabaseNotInitialized, DatabaseUnavailable
from tests.conftest import TEST_DATABASE, make_settings
from tests.support.mysql_server import MySQLServer
from tests.support.waiting import until

SLEEP = Sql.same("SELECT SLEEP(:seconds)")
ONE = Sql.same("SELECT 1")
IDS = Sql.same("SELECT CONNECTION_ID()")


def address_of(settings: Settings, **changes: Any) -> MySQLAddress:
    values = {
        "host": settings.mysql_host,
        "port": settings.mysql_port,
        "user": settings.mysql_user,
        "password": settings.mysql_password.get_secret_value(),
        "database": settings.mysql_database,
    }
    return MySQLAddress(**{**values, **changes})


@pytest.fixture
def address(mysql_settings: dict[str, Any]) -> MySQLAddress:
    return address_of(make_settings(**mysql_settings))


@pytest.fixture
async def database(address: MySQLAddress) -> AsyncIterator[MySQLDatabase]:
    opened = await MySQLDatabase.open(address, pool_size=2, timeout_seconds=2.0)
    yield opened
    await opened.close()


async def test_times_are_utc_and_reads_are_committed(database: MySQLDatabase) -> None:
    sql = Sql.same("SELECT @@session.time_zone, @@session.transaction_isolation, @@session.autocommit")

    assert await database.fetch_all(sql, {}) == [("+00:00", "READ-COMMITTED", 1)]


async def test_values_are_bound_and_never_read_as_sql(database: MySQLDatabase) -> None:
    values = ["'; DROP TABLE request_log; --", "100%", "%s", "%(x)s", ":value", "\\", "\0", "🐱", '"']

    for value in values:
        assert await database.fetch_all(Sql.same("SELECT :value"), {"value": value}) == [(value,)]


async def test_waiters_are_served_after_the_connections_of_all_holders_were_killed(
    database: MySQLDatabase, mysql_server: MySQLServer
) -> None:
    holders = [asyncio.create_task(database.fetch_all(SLEEP, {"seconds": 1.5})) for _ in range(2)]
    await until(lambda: len(sleeping(mysql_server)) == 2)
    waiters = [asyncio.create_task(database.fetch_all(ONE, {})) for _ in range(30)]

    for connection in sleeping(mysql_server):
        mysql_server.query(f"KILL {connection}")

    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiters) == [[(1,)]] * 30
        await asyncio.gather(*holders, return_exceptions=True)


async def test_callers_who_leave_hold_nobody_up(database: MySQLDatabase) -> None:
    for _ in range(20):
        leaving = [asyncio.create_task(database.fetch_all(SLEEP, {"seconds": 1})) for _ in range(4)]
        staying = [asyncio.create_task(database.fetch_all(ONE, {})) for _ in range(4)]
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()

        async with asyncio.timeout(5):
            assert await asyncio.gather(*staying) == [[(1,)]] * 4


async def test_a_call_that_takes_too_long_is_given_up_in_time(database: MySQLDatabase) -> None:
    async with asyncio.timeout(3):
        with pytest.raises(DatabaseUnavailable):
            await database.fetch_all(SLEEP, {"seconds": 30}, timeout_seconds=0.2)


async def test_that_a_slow_read_is_slow_says_nothing_about_the_others(database: MySQLDatabase) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.fetch_all(SLEEP, {"seconds": 30}, timeout_seconds=2.2)

    assert await database.fetch_all(ONE, {}) == [(1,)]


async def test_a_read_whose_idle_connection_was_killed_is_repeated(
    database: MySQLDatabase, mysql_server: MySQLServer
) -> None:
    for _ in range(5):
        ((connection,),) = await database.fetch_all(IDS, {})
        mysql_server.query(f"KILL {connection}")

        assert await database.fetch_all(ONE, {}) == [(1,)]


async def test_a_server_that_accepts_and_never_greets_is_given_up_in_time(address: MySQLAddress) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        silent_address = MySQLAddress("127.0.0.1", port, address.user, address.password, address.database)
        database = await MySQLDatabase.open(silent_address, pool_size=2, timeout_seconds=0.3)

        async with asyncio.timeout(3):
            results = await asyncio.gather(*(database.fetch_all(ONE, {}) for _ in range(6)), return_exceptions=True)

        assert [type(result) for result in results] == [DatabaseUnavailable] * 6
        await database.close()


async def test_something_that_is_no_mysql_is_unavailable(address: MySQLAddress) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x01\x00\x00\x00\x0a")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        other = MySQLAddress("127.0.0.1", port, address.user, address.password, address.database)
        database = await MySQLDatabase.open(other, pool_size=2, timeout_seconds=1)

        with pytest.raises(DatabaseUnavailable):
            await database.fetch_all(ONE, {})
        await database.close()


async def test_a_transaction_whose_connection_is_killed_is_not_repeated_behind_the_callers_back(
    database: MySQLDatabase, mysql_server: MySQLServer
) -> None:
    insert = Sql.same("INSERT INTO lease (name, owner, expires_at) VALUES (:hash, 'x', '2030-01-01')")
    writing = asyncio.create_task(database.commit([(insert, {"hash": "a"}), (SLEEP, {"seconds": 1.25})]))
    await until(lambda: len(sleeping(mysql_server, 1.25)) == 1)
    mysql_server.query(f"KILL {sleeping(mysql_server, 1.25)[0]}")

    with pytest.raises(DatabaseUnavailable):
        await writing

    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM lease"), {}) == [(0,)]


async def test_statistics_leave_room_for_lookups(database: MySQLDatabase) -> None:
    statistics = [asyncio.create_task(database.fetch_all(SLEEP, {"seconds": 1}, timeout_seconds=5)) for _ in range(4)]
    await asyncio.sleep(0)

    assert await database.fetch_all(ONE, {}, timeout_seconds=0.8) == [(1,)]

    for task in statistics:
        task.cancel()
    await asyncio.wait(statistics)


async def test_a_transaction_that_fails_leaves_nothing(database: MySQLDatabase) -> None:
    insert = Sql.same("INSERT INTO lease (name, owner, expires_at) VALUES (:hash, 'x', '2030-01-01')")

    with pytest.raises(DatabaseNotInitialized):
        await database.commit([(insert, {"hash": "a"}), (Sql.same("DELETE FROM no_such_table"), {})])

    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM lease"), {}) == [(0,)]


async def test_writers_that_deadlock_all_succeed_in_the_end(database: MySQLDatabase) -> None:
    keys = ["a", "b"]
    insert = Sql.same("INSERT INTO lease (name, owner, expires_at) VALUES (:hash, '0', '2030-01-01')")
    await database.commit([(insert, {"hash": key}) for key in keys])
    count = Sql.same("UPDATE lease SET owner = owner + 1 WHERE name = :hash AND SLEEP(0.02) = 0")

    for _ in range(3):
        await asyncio.gather(
            database.commit([(count, {"hash": key}) for key in keys]),
            database.commit([(count, {"hash": key}) for key in reversed(keys)]),
        )

    assert await database.fetch_all(Sql.same("SELECT owner FROM lease"), {}) == [("6",)] * 2


async def test_a_lock_that_another_holds_is_tried_for_again_within_the_callers_time(
    database: MySQLDatabase, mysql_server: MySQLServer
) -> None:
    await database.execute(Sql.same("INSERT INTO ledger_writer (writer, last_batch) VALUES ('w', 1)"), {})
    repeated: list[str] = []
    sink = logger.add(repeated.append, filter=lambda record: record["extra"].get("mysql_errno") == 1205, level="INFO")
    with closing(mysql_server.connect(TEST_DATABASE)) as other, other.cursor() as holder:
        holder.execute("BEGIN; UPDATE ledger_writer SET last_batch = 2")
        waiting = asyncio.create_task(database.commit([(Sql.same("UPDATE ledger_writer SET last_batch = 3"), {})]))
        await until(lambda: bool(repeated) or waiting.done(), 4)
        other.rollback()

        await waiting

    logger.remove(sink)
    assert len(repeated) == 1
    assert await database.fetch_all(Sql.same("SELECT last_batch FROM ledger_writer"), {}) == [(3,)]


async def test_statements_that_do_not_fit_into_one_packet_are_sent_one_by_one(
    address: MySQLAddress, mysql_server: MySQLServer
) -> None:
    insert = Sql.same("INSERT INTO signature_nonce VALUES (:key, :nonce, :padding, '2030-01-01')")
    statements: list[Statement] = [(insert, {"key": "k", "nonce": str(n), "padding": "x" * 60}) for n in range(40)]
    with mysql_server.with_global("max_allowed_packet", 4096):
        small = await MySQLDatabase.open(address, pool_size=1)

        await small.commit(statements)

        with pytest.raises(StatementTooLarge):
            await small.commit([(ONE, {}), (SLEEP, {"seconds": "1" * 5000})])
        assert await small.fetch_all(Sql.same("SELECT COUNT(*) FROM signature_nonce"), {}) == [(40,)]
        await small.close()


async def test_a_rehearsal_writes_nothing_and_fails_as_the_real_thing_would(database: MySQLDatabase) -> None:
    insert = Sql.same("INSERT INTO ledger_writer (writer, last_batch) VALUES (:writer, 1)")

    await database.rehearse([(insert, {"writer": "w"})])
    with pytest.raises(ValueRejected):
        await database.rehearse([(insert, {"writer": "w" * 33})])

    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM ledger_writer"), {}) == [(0,)]


def sleeping(server: MySQLServer, seconds: float | str = "%") -> list[int]:
    rows = server.query(
        "SELECT id FROM information_schema.processlist "
        f"WHERE db = '{TEST_DATABASE}' AND info LIKE 'SELECT SLEEP({seconds}%'"
    )
    return [int(str(row[0])) for row in rows]
