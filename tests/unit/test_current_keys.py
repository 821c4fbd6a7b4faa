"""The issuer's keys as a process keeps them: over real HTTP, through rotations, rubbish and silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from app.observe.metrics import Metrics
from app.services.access.current_keys import CurrentKeys, KeySource
from app.services.access.errors import SignInUnavailable
from app.services.access.key_set import read_key_set
from app.services.access.key_sources import MAX_BYTES, KeyAddress, KeyFile, KeysUnreadable, read_key_file
from tests.support.issuer import Issuer, rsa_key, running_issuer
from tests.support.waiting import until


@asynccontextmanager
async def current_keys(
    source: KeySource, *, refresh: float = 600, stale: float = 600, between: float = 0.02
) -> AsyncIterator[CurrentKeys]:
    parse = partial(read_key_set, algorithms=("RS256",))
    keys = CurrentKeys(
        source,
        parse,
        Metrics(),
        refresh_seconds=refresh,
        stale_seconds=stale,
        least_seconds_between=between,
    )
    task = asyncio.create_task(keys.run_forever())
    yield keys
    task.cancel()
    await asyncio.wait([task])


async def find_until_it_fails(keys: CurrentKeys) -> None:
    """Ask for a key that is none until a fetch has failed."""
    for _ in range(100):
        assert await keys.find("unknown", "RS256") == ()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


async def test_keys_are_found_by_whoever_asks_before_they_are_there(issuer: Issuer) -> None:
    async with current_keys(KeyAddress(issuer.url)) as keys:
        found = await asyncio.gather(*(keys.find("first", "RS256") for _ in range(50)))

    assert all(found)
    assert issuer.fetches == 1


async def test_a_token_of_an_unknown_key_has_the_keys_read_again_once_for_all(issuer: Issuer) -> None:
    async with current_keys(KeyAddress(issuer.url)) as keys:
        assert await keys.find("first", "RS256")
        issuer.keys.append(rsa_key("second"))

        assert all(await asyncio.gather(*(keys.find("second", "RS256") for _ in range(100))))

    assert issuer.fetches == 2


async def test_a_key_that_is_published_while_others_are_read_is_found(issuer: Issuer) -> None:
    """A fetch that began before the token came says nothing about its key."""
    async with current_keys(KeyAddress(issuer.url)) as keys:
        assert await keys.find("first", "RS256")
        early = asyncio.create_task(keys.find("second", "RS256"))
        await until(lambda: issuer.fetches == 2)
        issuer.keys.append(rsa_key("second"))

        assert await keys.find("second", "RS256")
        await early


async def test_unknown_keys_are_asked_for_once_in_a_while_however_many_tokens_name_them(issuer: Issuer) -> None:
    async with current_keys(KeyAddress(issuer.url), between=0.2) as keys:
        assert await keys.find("first", "RS256")
        loop = asyncio.get_running_loop()
        end, asked = loop.time() + 0.7, 0
        while loop.time() < end:
            assert await keys.find(f"unknown-{asked}", "RS256") == ()
            asked += 1

    assert issuer.fetches <= 6


async def test_requests_of_unknown_keys_beyond_a_bound_are_told_at_once(issuer: Issuer) -> None:
    async with current_keys(KeyAddress(issuer.url)) as keys:
        assert await keys.find("first", "RS256")
        issuer.hangs = True
        waiting = [asyncio.create_task(keys.find("unknown", "RS256")) for _ in range(200)]
        await until(lambda: issuer.fetches == 2)

        with pytest.raises(SignInUnavailable):
            await keys.find("unknown", "RS256")
        assert await keys.find("first", "RS256")
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 404, "body": b'{"error": "not found"}'},
        {"status": 302, "headers": "location: http://127.0.0.1:9/\r\n"},
        {"body": b"<html>maintenance</html>"},
        {"body": b'{"keys": []}'},
        {"body": b'{"keys": "' + b"x" * 10_000_000 + b'"}'},
        {"body": b"\x1f\x8b\x08\x00", "headers": "content-encoding: gzip\r\n"},
        {"hangs": True},
    ],
    ids=lambda trouble: str(trouble)[:40],
)
async def test_an_address_in_trouble_takes_no_known_key_away_and_is_heard_again(
    trouble: dict[str, object], issuer: Issuer
) -> None:
    async with current_keys(KeyAddress(issuer.url, fetch_seconds=0.2), refresh=0.02) as keys:
        assert await keys.find("first", "RS256")
        for name, value in trouble.items():
            setattr(issuer, name, value)
        with pytest.raises(SignInUnavailable):
            await find_until_it_fails(keys)

        assert await keys.find("first", "RS256")
        issuer.status, issuer.headers, issuer.body, issuer.hangs = 200, "", None, False
        issuer.keys = [rsa_key("second")]
        fetches = issuer.fetches
        await until(lambda: issuer.fetches > fetches + 1)
        assert await keys.find("second", "RS256")
        assert await keys.find("first", "RS256") == ()


async def test_without_any_keys_nobody_waits_for_an_address_that_is_away(issuer: Issuer) -> None:
    issuer.hangs = True
    async with current_keys(KeyAddress(issuer.url, fetch_seconds=0.2), between=5) as keys:
        with pytest.raises(SignInUnavailable):
            await keys.find("first", "RS256")

        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(SignInUnavailable) as caught:
            await keys.find("first", "RS256")
        assert loop.time() - began < 0.1
        assert caught.value.retry_after_seconds == 5


async def test_known_keys_are_good_for_so_long_without_their_issuer_and_no_longer(issuer: Issuer) -> None:
    async with current_keys(KeyAddress(issuer.url), refresh=0.02, stale=0.4) as keys:
        told: list[bool] = []
        keys.on_change = lambda known: told.append(known is not None)
        assert await keys.find("first", "RS256")
        issuer.status = 500
        await until(lambda: not all(told))

        assert keys.age_seconds > 0.4
        with pytest.raises(SignInUnavailable):
            await keys.find("first", "RS256")


async def test_a_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(rsa_key().pem())
    async with current_keys(KeyFile(file), refresh=0.02) as keys:
        (old,) = await keys.find(None, "RS256")
        another = tmp_path / "another.pem"
        another.write_bytes(rsa_key("second").pem())
        another.rename(file)
        changed = asyncio.Event()
        keys.on_change = lambda known: changed.set() if known and old.name not in known.names else None

        await asyncio.wait_for(changed.wait(), 10)


async def test_a_file_that_is_missing_or_too_large_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(KeysUnreadable):
        await KeyFile(tmp_path / "missing").read()
    (tmp_path / "large").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(ValueError, match="more than"):
        read_key_file(tmp_path / "large")
