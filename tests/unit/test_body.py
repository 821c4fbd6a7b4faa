"""Bodies that come slowly: each portion has its time, and so has the whole."""

import asyncio
import json
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace

import pytest
from starlette.types import Message, Receive

from app.api.http.body import Patience, read_json
from app.errors import RequestTimeout
from app.models.request import CheckCacheRequest
from tests.factories import make_image_hash

BODY = json.dumps({"image_hash": make_image_hash()}).encode()
PATIENCE = Patience(portion_bytes=10, portion_seconds=0.5, body_seconds=30.0)


def arriving(pieces: Iterable[bytes], seconds_between: float) -> Receive:
    """Return a `receive` that gives a piece each so many seconds, and waits for ever at the end of the pieces."""
    waiting = iter(pieces)

    async def receive() -> Message:
        await asyncio.sleep(seconds_between)
        piece = next(waiting, None)
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    return receive


async def read(
    pieces: Iterable[bytes], seconds_between: float, body_seconds: float = PATIENCE.body_seconds
) -> CheckCacheRequest:
    async with asyncio.timeout(20):
        patience = replace(PATIENCE, body_seconds=body_seconds)
        return await read_json(CheckCacheRequest, {}, arriving(pieces, seconds_between), patience)


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)] + [b""]


async def test_a_body_whose_portions_come_in_time_is_read_though_it_takes_longer_than_one_of_them() -> None:
    (name,) = (await read(in_pieces(BODY, 20), 0.2)).names
    assert name in BODY.decode()


@pytest.mark.parametrize(
    ("pieces", "seconds_between", "body_seconds"),
    [
        ([], 0.0, PATIENCE.body_seconds),
        (in_pieces(BODY, 20)[:2], 0.01, PATIENCE.body_seconds),
        (in_pieces(BODY, 1), 0.1, PATIENCE.body_seconds),
        (in_pieces(BODY, 20), 0.2, 0.7),
    ],
    ids=["silent from the start", "silent in the middle", "below the rate", "too long in all"],
)
async def test_a_body_that_does_not_come_in_time_is_408(
    pieces: list[bytes], seconds_between: float, body_seconds: float
) -> None:
    with pytest.raises(RequestTimeout) as raised:
        await read(pieces, seconds_between, body_seconds)

    assert (raised.value.status, raised.value.code) == (408, "request_timeout")


async def test_a_body_takes_no_more_memory_for_coming_in_small_pieces() -> None:
    padded = BODY + b" " * 100_000
    reading, sent = asyncio.Event(), 0

    async def receive() -> Message:
        nonlocal sent
        if sent >= len(padded):
            reading.set()
            await asyncio.Event().wait()
        sent += 2
        return {"type": "http.request", "body": padded[sent - 2 : sent], "more_body": True}

    tracemalloc.start()
    asked = asyncio.create_task(read_json(CheckCacheRequest, {}, receive, PATIENCE, max_bytes=len(padded)))
    await reading.wait()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    asked.cancel()
    await asyncio.wait([asked])

    assert held < 1.5 * len(padded)
