"""Uploads that are on their way: room is for bytes that have come, and who comes too slowly is told so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.factories import make_image
from tests.support.raw_http import RawConnection, connected
from tests.support.service_process import EMBEDDED, GUNICORN, Service, running_service

BUDGET_MIB = 12
MIB = 1024 * 1024
OPENING = b'--B\r\nContent-Disposition: form-data; name="image"\r\n\r\n'


@pytest.fixture(scope="module", params=[EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with running_service(folder, request.param, web_concurrency=1, max_uploads_in_flight_mb=BUDGET_MIB) as started:
        yield started


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{service.url}/api/v1", timeout=20) as opened:
        yield opened


async def begin_upload(stack: AsyncExitStack, service: Service, sent: bytes = b"") -> RawConnection:
    """Announce 10 MiB, and send so much of it."""
    connection = await stack.enter_async_context(connected(httpx.URL(service.url).port or 0))
    head = (
        "POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        f"Content-Length: {10 * MIB}\r\nExpect: 100-continue\r\n\r\n"
    )
    await connection.send(head.encode())
    assert (await connection.answer()).status == 100  # it reads
    await connection.send(sent)
    return connection


async def bytes_in_flight(client: httpx.AsyncClient) -> float:
    figures = (await client.get(str(client.base_url).replace("/api/v1/", "/metrics"))).text
    return float(figures.partition("\nimage_classifier_upload_bytes ")[2].partition("\n")[0])


async def test_uploads_that_are_only_announced_take_no_room_from_others(
    service: Service, client: httpx.AsyncClient
) -> None:
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(begin_upload(stack, service, OPENING) for _ in range(240)))

        answers = [await client.post("/classify", files={"image": make_image()}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5


async def test_an_upload_that_fits_no_more_is_503_at_once_and_its_room_is_for_others(
    service: Service, client: httpx.AsyncClient
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await begin_upload(stack, service, OPENING + bytes(5 * MIB))
        async with asyncio.timeout(10):
            while await bytes_in_flight(client) < 10 * MIB:
                await asyncio.sleep(0.05)
        third = await begin_upload(stack, service, OPENING + bytes(3 * MIB))

        answer = await third.answer(seconds=5)

        assert (answer.status, answer.error_code, answer.headers["retry-after"]) == (503, "overloaded", "1")
        assert await bytes_in_flight(client) < 11 * MIB
        assert (await client.post("/classify", files={"image": make_image()})).status_code == 200


async def test_what_is_no_request_has_the_one_shape_on_both_servers(service: Service) -> None:
    for sent, status, code in (
        (b"nonsense\r\n\r\n", 400, "invalid_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nx: " + bytes(64 * 1024), 400, "invalid_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 64 * 1024, 431, "headers_too_large"),
        (
            b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            404,
            "not_found",
        ),
    ):
        async with connected(httpx.URL(service.url).port or 0) as connection:
            await connection.send(sent)
            answer = await connection.answer()

            assert (answer.status, answer.error_code) == (status, code)
