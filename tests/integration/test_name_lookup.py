"""A name server that hangs keeps nobody but those who need the name."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import pytest

from app.database import Sql
from app.drivers.mysql import MySQLDatabase
from app.drivers.mysql_connect import MySQLAddress
from app.drivers.name_lookup import look_up
from app.errors import DatabaseUnavailable
from tests.conftest import TEST_DATABASE
from tests.support.mysql_server import MySQLServer
from tests.support.waiting import until

ONE = Sql.same("SELECT 1")
MANY = 40
"""More look-ups than any event loop has threads."""


@dataclass
class Names:
    """The system's look-up of names, which for some of them hangs until the test is over."""

    asked: list[str] = field(default_factory=list)
    known: dict[str, list[str]] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def getaddrinfo(self, host: str, *arguments: Any, **options: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("hangs"):
            self.over.wait(30)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.known[host]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.over.set()


def address_of(server: MySQLServer, host: str) -> MySQLAddress:
    return MySQLAddress(host, server.port, server.user, server.password, TEST_DATABASE)


async def test_a_name_server_that_hangs_keeps_no_thread_of_others(names: Names, mysql_server: MySQLServer) -> None:
    names.known["elsewhere"] = ["127.0.0.1"]
    database = await MySQLDatabase.open(address_of(mysql_server, "hangs"), pool_size=MANY)
    calls = [database.fetch_all(ONE, {}, timeout_seconds=0.2) for _ in range(MANY)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}
    assert names.asked == ["hangs"]
    async with asyncio.timeout(5):
        await asyncio.to_thread(lambda: None)
        await asyncio.get_running_loop().getaddrinfo("elsewhere", 443)
    await database.close()


async def test_one_server_whose_name_is_not_found_keeps_nobody_from_the_primary(
    names: Names, mysql_server: MySQLServer
) -> None:
    names.known["here"] = [mysql_server.host]
    hosts = ("hangs-1", "here", "hangs-2", "nowhere")
    database = await MySQLDatabase.open(*(address_of(mysql_server, host) for host in hosts), pool_size=2)
    began = perf_counter()

    assert await database.fetch_all(ONE, {}) == [(1,)]

    assert perf_counter() - began < 3
    assert [node.role for node in database.nodes] == ["unreachable", "primary", "unreachable", "unreachable"]
    await database.close()


async def test_a_name_that_was_not_found_is_looked_up_again_and_each_of_its_addresses_is_tried(
    names: Names, mysql_server: MySQLServer
) -> None:
    database = await MySQLDatabase.open(address_of(mysql_server, "moved"), pool_size=2)
    with pytest.raises(DatabaseUnavailable, match="its name was not found"):
        await database.fetch_all(ONE, {})
    names.known["moved"] = ["127.9.9.9", mysql_server.host]

    assert await database.fetch_all(ONE, {}) == [(1,)]
    await database.close()


async def test_who_gives_up_ends_the_look_up_of_nobody_else(names: Names) -> None:
    names.known["hangs"] = ["127.0.0.1"]
    impatient, patient = asyncio.create_task(look_up("hangs")), asyncio.create_task(look_up("hangs"))
    await until(lambda: names.asked == ["hangs"])
    impatient.cancel()
    await asyncio.wait([impatient])
    names.over.set()

    assert await patient == ["127.0.0.1"]


async def test_a_name_for_which_no_thread_could_be_started_is_looked_up_again(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.known["here"] = ["127.0.0.1"]

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OSError, match="no thread"):
            await look_up("here")

    async with asyncio.timeout(5):
        assert await look_up("here") == ["127.0.0.1"]


async def test_a_primary_whose_name_is_not_found_any_more_is_looked_for_at_once(
    names: Names, mysql_server: MySQLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await MySQLDatabase.open(address_of(mysql_server, "gone"), pool_size=1)
    doubts: list[bool] = []
    monkeypatch.setattr(database._primary, "doubt", lambda: doubts.append(True))

    with pytest.raises(DatabaseUnavailable, match="name was not found"):
        await database.fetch_all(ONE, {})

    assert doubts
    await database.close()
