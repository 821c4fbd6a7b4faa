"""Several servers, of which one takes writes: it is found, and found again when it is another one."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from time import perf_counter
from typing import Any

import pytest

from app.database import DatabaseNode, Sql
from app.drivers.build import build_migrator, open_database
from app.drivers.migrations import MigrationError
from app.drivers.mysql import MySQLDatabase
from app.drivers.mysql_connect import MySQLAddress
from app.drivers.mysql_schema import connect_mysql_schema
from app.errors import DatabaseMisconfigured, DatabaseUnavailable
from tests.conftest import TEST_DATABASE, make_settings, schema_of
from tests.support.crowd import Crowd
from tests.support.mysql_server import MySQLServer, provision_private
from tests.support.waiting import until

LIMIT_SECONDS = 3.0
MOVE_SECONDS = 3.0
WHERE = Sql.same("SELECT @@port")
Pair = tuple[MySQLServer, MySQLServer]


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with ExitStack() as started:
        pair = []
        for _ in range(2):
            server = provision_private("--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0")
            started.callback(server.stop)
            server.query(schema_of(TEST_DATABASE))
            pair.append(server)
        yield pair[0], pair[1]


@pytest.fixture
def pair(servers: Pair) -> Iterator[Pair]:
    """The first is the primary."""
    make_primary(servers[0], servers[1])
    yield servers
    for server in servers:
        server.query("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")


@pytest.fixture
async def database(pair: Pair) -> AsyncIterator[MySQLDatabase]:
    opened = await MySQLDatabase.open(*(address_of(server) for server in reversed(pair)), pool_size=5)
    yield opened
    await opened.close()


def address_of(server: MySQLServer) -> MySQLAddress:
    return MySQLAddress(server.host, server.port, server.user, server.password, TEST_DATABASE)


def make_primary(new: MySQLServer, old: MySQLServer) -> None:
    old.query("SET GLOBAL super_read_only = ON")
    new.query("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")


def both(pair: Pair) -> dict[str, Any]:
    """Return settings that name the secondary first."""
    primary, secondary = pair
    names = f"{secondary.host}:{secondary.port},{primary.host}:{primary.port}"
    return {**primary.settings(TEST_DATABASE), "mysql_host": names}


async def where(database: MySQLDatabase) -> int:
    ((port,),) = await database.fetch_all(WHERE, {})
    return int(port)


async def write(database: MySQLDatabase) -> None:
    await database.commit([(Sql.same("DELETE FROM ledger_writer WHERE writer = 'nobody'"), {})])


async def test_the_primary_is_used_wherever_it_is_named(database: MySQLDatabase, pair: Pair) -> None:
    primary, secondary = pair

    assert await where(database) == primary.port
    assert database.nodes == [
        DatabaseNode(f"127.0.0.1:{secondary.port}", "secondary"),
        DatabaseNode(f"127.0.0.1:{primary.port}", "primary"),
    ]
    await database.check()


async def test_when_the_primary_becomes_another_one_no_write_fails_and_no_old_connection_is_used(
    database: MySQLDatabase, pair: Pair
) -> None:
    old, new = pair
    await asyncio.gather(*(where(database) for _ in range(5)))

    make_primary(new, old)
    await write(database)

    assert {await where(database) for _ in range(10)} == {new.port}


async def test_while_no_server_takes_writes_calls_say_so_at_once(database: MySQLDatabase, pair: Pair) -> None:
    await where(database)
    pair[0].query("SET GLOBAL super_read_only = ON")
    with pytest.raises(DatabaseUnavailable):
        await write(database)

    began = perf_counter()
    with pytest.raises(DatabaseUnavailable, match=r"no server takes writes: .* secondary, .* secondary"):
        await write(database)
    assert perf_counter() - began < 0.1

    make_primary(pair[1], pair[0])
    await until_it_writes(database)


async def test_two_servers_that_take_writes_are_used_neither(database: MySQLDatabase, pair: Pair) -> None:
    await where(database)
    pair[1].query("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")
    await until(lambda: [node.role for node in database.nodes] == ["primary", "primary"])

    with pytest.raises(DatabaseMisconfigured, match="set super_read_only on all but the primary"):
        await write(database)


async def test_a_primary_that_is_asleep_is_left_as_soon_as_another_takes_writes(
    database: MySQLDatabase, pair: Pair
) -> None:
    old, new = pair
    assert old.send_signal is not None
    async with Crowd.calling(database, 20, LIMIT_SECONDS + 0.5) as crowd:
        await crowd.until_all_are(answered=True, seconds=10)
        old.send_signal(signal.SIGSTOP)
        try:
            new.query("SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")
            await crowd.until_all_are(answered=True, seconds=MOVE_SECONDS)
            assert await where(database) == new.port
        finally:
            old.send_signal(signal.SIGCONT)
            old.query("SET GLOBAL super_read_only = ON")

    assert max(call.seconds for call in crowd.calls) < LIMIT_SECONDS + 0.5


async def test_a_server_that_sleeps_from_the_beginning_keeps_nobody_from_the_primary(pair: Pair) -> None:
    primary, asleep = pair
    assert asleep.send_signal is not None
    asleep.send_signal(signal.SIGSTOP)
    try:
        database = await MySQLDatabase.open(address_of(asleep), address_of(primary), pool_size=2)
        began = perf_counter()
        assert await where(database) == primary.port
        assert perf_counter() - began < LIMIT_SECONDS
        await database.close()
    finally:
        asleep.send_signal(signal.SIGCONT)


async def test_one_server_alone_that_takes_no_writes_is_not_called_connected(pair: Pair) -> None:
    database = await MySQLDatabase.open(address_of(pair[1]), pool_size=2)

    with pytest.raises(DatabaseUnavailable, match="takes no writes"):
        await database.check()

    assert database.nodes == []
    await database.close()


async def test_a_user_whom_all_servers_refuse_is_told_so(pair: Pair) -> None:
    strangers = [replace(address_of(server), user="stranger") for server in pair]
    database = await MySQLDatabase.open(*strangers, pool_size=2)

    with pytest.raises(DatabaseMisconfigured, match="refused the user 'stranger'"):
        await database.check()

    assert {node.role for node in database.nodes} == {"refused"}
    await database.close()


async def test_the_schema_is_changed_on_the_primary(pair: Pair) -> None:
    settings = make_settings(**both(pair))

    assert {state.state for state in await build_migrator(settings).fetch_states()} == {"applied"}

    pair[0].query("SET GLOBAL super_read_only = ON")
    with pytest.raises(MigrationError, match="no server takes writes"):
        async with connect_mysql_schema([address_of(server) for server in pair], find_seconds=0):
            pass


async def test_a_change_of_the_schema_waits_for_a_primary(pair: Pair) -> None:
    pair[0].query("SET GLOBAL super_read_only = ON")
    before = [connections_to(server) for server in pair]
    reading = asyncio.create_task(build_migrator(make_settings(**both(pair))).fetch_states())
    await until(lambda: all(connections_to(server) - old for server, old in zip(pair, before, strict=True)))

    assert not reading.done()
    make_primary(pair[1], pair[0])

    assert {state.state for state in await reading} == {"applied"}


async def test_the_settings_name_all_servers(pair: Pair) -> None:
    database = await open_database(make_settings(**both(pair)))

    await database.check()

    assert len(database.nodes) == 2
    await database.close()


async def until_it_writes(database: MySQLDatabase) -> None:
    async with asyncio.timeout(MOVE_SECONDS):
        while True:
            with suppress(DatabaseUnavailable):
                await write(database)
                return
            await asyncio.sleep(0.05)


def connections_to(server: MySQLServer) -> set[int]:
    rows = server.query(f"SELECT id FROM information_schema.processlist WHERE db = '{TEST_DATABASE}'")
    return {int(str(identifier)) for (identifier,) in rows}
