"""A real Redis that answers, is killed, paused, full, slow, locked, or none at all: nobody waits for it twice."""

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from app.observe.metrics import Metrics
from app.services.cache.errors import RedisAway
from app.services.cache.redis_link import MOST_CONNECTIONS, RedisLink
from tests.support.redis_server import RedisServer, free_port, running_redis
from tests.support.service_process import ROOT
from tests.support.waiting import until

TIMEOUT_SECONDS = 0.25
"""Longer than the default: the machine of the tests may be busy."""


@pytest.fixture(scope="module")
def running_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def server(running_server: RedisServer) -> RedisServer:
    running_server.ask("FLUSHALL")
    running_server.ask("CONFIG", "SET", "maxmemory", "0")
    return running_server


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with a certificate for localhost and its key."""
    subprocess.run(["make", "--silent", "certs", f"SSL_DIR={tmp_path}"], cwd=ROOT, check=True, capture_output=True)
    return tmp_path


@asynccontextmanager
async def linked(url: str, metrics: Metrics | None = None) -> AsyncIterator[RedisLink]:
    link = RedisLink(url, TIMEOUT_SECONDS, metrics or Metrics())
    await link.probe()
    try:
        yield link
    finally:
        await link.close()


async def ask(link: RedisLink) -> list[bytes | None]:
    return await link.get_many(["a"])


def stall_this_thread(seconds: float) -> None:
    """Do what keeps the event loop from running, as a large photo or a busy machine does."""
    time.sleep(seconds)


async def test_values_are_kept_by_their_keys_for_a_time(server: RedisServer) -> None:
    async with linked(server.url) as link:
        await link.set_many({"a": b"1", "b": "ä\r\n".encode()}, 100)

        assert await link.get_many(["b", "c", "a"]) == ["ä\r\n".encode(), None, b"1"]
        assert server.ask("TTL", "a") in (b":100\r\n", b":99\r\n")


async def test_a_value_of_another_kind_is_none(server: RedisServer) -> None:
    server.ask("LPUSH", "a", "1")
    async with linked(server.url) as link:
        assert await ask(link) == [None]


async def test_a_paused_redis_costs_one_caller_its_time_and_is_used_again_when_it_goes_on(server: RedisServer) -> None:
    metrics = Metrics()
    async with linked(server.url, metrics) as link:
        await link.set_many({"a": b"1"}, 100)
        server.pause()
        try:
            with pytest.raises(RedisAway):
                await ask(link)
            began = time.monotonic()
            for _ in range(100):
                with pytest.raises(RedisAway):
                    await ask(link)
            assert time.monotonic() - began < TIMEOUT_SECONDS
            await link.probe()
            assert link.is_away
        finally:
            server.resume()
        await link.probe()

        assert await ask(link) == [b"1"]
        assert metrics.redis_errors.tallies[("timeout",)] >= 1


async def test_a_killed_redis_is_used_again_after_it_was_started(server: RedisServer) -> None:
    async with linked(server.url) as link:
        trying = asyncio.create_task(link.run_forever())
        server.kill()
        with pytest.raises(RedisAway):
            await ask(link)
        server.start()
        await until(lambda: not link.is_away)

        assert await ask(link) == [None]
        trying.cancel()
        await asyncio.wait([trying])


async def test_a_full_redis_is_read_all_the_same(server: RedisServer) -> None:
    async with linked(server.url) as link:
        await link.set_many({"a": b"1"}, 100)
        server.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(RedisAway):
            await link.set_many({"b": b"2"}, 100)

        assert (await ask(link), link.is_away) == ([b"1"], False)


async def test_more_callers_than_connections_are_told_at_once_and_it_is_not_away_for_them(server: RedisServer) -> None:
    async with linked(server.url) as link:
        answered = []
        for _ in range(MOST_CONNECTIONS + 1):  # one connection more is made each time, while nobody waits for it
            answers = await asyncio.gather(*(ask(link) for _ in range(20)), return_exceptions=True)
            answered.append(answers.count([None]))
            await until(lambda: link._adding is None)

        assert answered == [*range(1, MOST_CONNECTIONS + 1), MOST_CONNECTIONS]
        assert not link.is_away
        assert server.ask("INFO", "clients").split(b"connected_clients:")[1].split(b"\r\n")[0] == b"5"


async def test_messages_reach_who_listens_and_a_lost_connection_is_told(server: RedisServer) -> None:
    async with linked(server.url) as link, aclosing(link.listen("c")) as messages:
        hearing = asyncio.ensure_future(anext(messages))
        await until(lambda: b"*2\r\n$1\r\nc\r\n:1" in server.ask("PUBSUB", "NUMSUB", "c"))
        await link.publish("c")
        await asyncio.wait_for(hearing, 5)

        server.kill()
        with pytest.raises(RedisAway):
            await asyncio.wait_for(anext(messages), 5)
        server.start()


async def test_with_a_wrong_password_it_is_away_and_no_error_quotes_the_password() -> None:
    with running_redis(password="right-horse") as server:
        async with linked(server.url) as link:
            assert await ask(link) == [None]
        async with linked(server.url.replace("right", "wrong")) as link:
            with pytest.raises(RedisAway) as refused:
                await link._connect()
            assert link.is_away
            assert "horse" not in str(refused.value)


async def test_the_rights_that_the_page_names_are_enough(server: RedisServer) -> None:
    page = (ROOT / "docs/redis.md").read_text(encoding="utf-8")
    (rule,) = re.findall(r"^ +(ACL SETUSER .*)$", page, re.MULTILINE)
    assert server.ask(*rule.split()) == b"+OK\r\n"

    async with linked(f"redis://photos:password@127.0.0.1:{server.port}/1") as link:
        await link.set_many({"photos:a": b"1"}, 100)
        assert await link.get_many(["photos:a"]) == [b"1"]
        assert "redis_version" in await link.fetch_facts()
        async with aclosing(link.listen("photos:changes")) as messages:
            hearing = asyncio.ensure_future(anext(messages))
            await until(lambda: b":1" in server.ask("PUBSUB", "NUMSUB", "photos:changes"))
            await link.publish("photos:changes")
            await asyncio.wait_for(hearing, 5)


async def test_with_tls_the_certificate_is_checked(certificates: Path) -> None:
    certificate, key, port = certificates / "cert.pem", certificates / "key.pem", free_port()
    options = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    with running_redis("--tls-port", str(port), *options):
        async with linked(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}") as link:
            assert await ask(link) == [None]
        async with linked(f"rediss://localhost:{port}/0") as link:
            assert link.is_away


async def test_what_is_no_redis_is_away() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as something:
        port = something.sockets[0].getsockname()[1]
        async with linked(f"redis://127.0.0.1:{port}") as link:
            assert link.is_away
    async with linked(f"redis://127.0.0.1:{port}") as link:
        assert link.is_away


@pytest.mark.parametrize("steps", range(1, 5))
async def test_a_process_that_was_busy_itself_takes_the_answer_that_came_meanwhile(
    server: RedisServer, steps: int
) -> None:
    metrics = Metrics()
    async with linked(server.url, metrics) as link:
        await link.set_many({"a": b"1"}, 100)
        asking = asyncio.create_task(ask(link))
        for _ in range(steps):
            await asyncio.sleep(0)
        stall_this_thread(2 * TIMEOUT_SECONDS)

        assert await asking == [b"1"]
        assert not link.is_away
        assert metrics.redis_errors.tallies[("timeout",)] == 0


async def test_a_process_that_was_busy_itself_waits_once_more_for_a_paused_redis_and_no_longer(
    server: RedisServer,
) -> None:
    async with linked(server.url) as link:
        server.pause()
        try:
            asking = asyncio.create_task(ask(link))
            await asyncio.sleep(0)
            stall_this_thread(2 * TIMEOUT_SECONDS)
            with pytest.raises(RedisAway):
                await asyncio.wait_for(asking, 20 * TIMEOUT_SECONDS)
        finally:
            server.resume()

        assert link.is_away


async def test_a_large_write_has_longer_than_callers_have(server: RedisServer) -> None:
    """Nobody waits for it. Here the server is paused for longer than any caller would wait."""
    async with linked(server.url) as link:
        server.pause()
        writing = asyncio.create_task(link.set_many({f"key-{number}": b"1" for number in range(512)}, 100))
        await asyncio.wait([writing], timeout=1.5 * TIMEOUT_SECONDS)
        server.resume()
        await writing

        assert not link.is_away
        assert await link.get_many(["key-511"]) == [b"1"]


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancellation_is_heard_at_every_moment_of_an_exchange(server: RedisServer, steps: int) -> None:
    async with linked(server.url) as link:
        asking = asyncio.create_task(ask(link))
        for _ in range(steps):
            await asyncio.sleep(0)
        heard = asking.cancel()  # False: it had its answer before

        await asyncio.wait([asking])

        assert asking.cancelled() is heard
