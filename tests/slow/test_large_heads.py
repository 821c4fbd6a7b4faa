"""What a client sends as a head, or beside a body, costs a worker no memory: without a proxy, before any key."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.raw_http import connected
from tests.support.service_process import GUNICORN, Service, running_service

MIB = 1024 * 1024
MAX_GROWTH_MIB = 10

CHUNKED = (
    b"POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n3\r\n--B\r\n0\r\n"
)
ATTACKS = {
    "100 MB of small headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"x-yz: ab\r\n" * 100_000, 100),
    "300 MB of one value": (b"GET / HTTP/1.1\r\nHost: x\r\nx: ", b"y" * MIB, 300),
    "300 MB of a path": (b"GET /", b"y" * MIB, 300),
    "300 MB of trailers": (CHUNKED, b"x-yz: ab\r\n" * 100_000, 300),
    "300 MB of empty lines": (b"", b"\r\n" * 500_000, 300),
    "pipelined requests": (b"", b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 10_000, 100),
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path, GUNICORN, web_concurrency=1) as started:
        yield started


def resident_mib(service: Service) -> float:
    """Return the memory of the one worker."""
    (worker,) = subprocess.run(
        ["ps", "--ppid", str(service.process.pid), "-o", "pid="], capture_output=True, text=True, check=True
    ).stdout.split()
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


async def send(service: Service, start: bytes, piece: bytes, mib: int) -> int:
    """Send up to so much on one connection; return how much of it went out before the server took no more."""
    sent = 0
    async with connected(httpx.URL(service.url).port or 0) as connection:
        try:
            await connection.send(start)
            while sent < mib * MIB:
                await connection.send(piece)
                sent += len(piece)
        except ConnectionError:
            pass
    return sent


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_worker_does_not_grow_by_what_is_no_body(attack: str, service: Service) -> None:
    for _ in range(50):
        httpx.get(f"{service.url}/api/v1/health").raise_for_status()
    before = resident_mib(service)

    sent = asyncio.run(send(service, *ATTACKS[attack]))

    httpx.get(f"{service.url}/api/v1/health", timeout=2).raise_for_status()
    grown = resident_mib(service) - before
    print(f"\n{attack}: {sent / MIB:.0f} MiB were sent, the worker grew by {grown:.1f} MiB")  # noqa: T201
    assert grown < MAX_GROWTH_MIB
