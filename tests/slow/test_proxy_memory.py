"""nginx's memory under uploads in the smallest chunks, from several addresses: bounded, and others are still served."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.test_deployment import nginx
from tests.factories import make_image
from tests.support.proxy import Proxy, running_proxy
from tests.support.service_process import GUNICORN, running_service

MIB = 1024 * 1024
ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
UPLOADS_EACH = 15
MAX_CHUNKED = 10
MOST_SENT_MIB = 55
SMALLEST_CHUNKS = b"1\r\nx\r\n" * 20_000
HEAD = (
    b"POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with (
        running_service(tmp_path, GUNICORN, web_concurrency=1) as service,
        running_proxy(tmp_path / "nginx", service.url) as started,
    ):
        yield started


def resident_mib(proxy: Proxy) -> float:
    """Return the memory of nginx's processes together."""
    master = (proxy.folder / "nginx.pid").read_text().strip()
    workers = subprocess.run(["ps", "--ppid", master, "-o", "pid="], capture_output=True, text=True).stdout.split()
    pages = sum(int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in workers)
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


async def upload_in_the_smallest_chunks(proxy: Proxy, address: str, context: ssl.SSLContext) -> int:
    """Send what is no whole body, keep the connection, and return the status; 0 if none came before the end."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", proxy.port, ssl=context, server_hostname="localhost", local_addr=(address, 0)
    )
    sent = 0
    try:
        writer.write(HEAD)
        while sent < MOST_SENT_MIB * MIB:
            writer.write(SMALLEST_CHUNKS)
            await writer.drain()
            sent += len(SMALLEST_CHUNKS)
    except ConnectionError:
        pass
    try:
        async with asyncio.timeout(5):
            status = (await reader.read(20))[9:12]
    except (TimeoutError, ConnectionError):
        status = b""
    writer.transport.abort()
    return int(status or 0)


async def attack(proxy: Proxy) -> tuple[list[int], float, int]:
    """Return the attackers' answers, the most memory that was seen, and the status of an ordinary upload meanwhile."""
    context = proxy.tls()
    attackers = asyncio.gather(
        *(upload_in_the_smallest_chunks(proxy, address, context) for address in ADDRESSES for _ in range(UPLOADS_EACH))
    )
    most = 0.0
    async with httpx.AsyncClient(verify=context, base_url=proxy.url, timeout=30) as client:
        while not attackers.done() and most < MAX_CHUNKED * MOST_SENT_MIB * 0.5:
            most = max(most, resident_mib(proxy))
            await asyncio.sleep(0.1)
        ordinary = await client.post("/api/v1/classify", files={"image": make_image()})
        while not attackers.done():
            most = max(most, resident_mib(proxy))
            await asyncio.sleep(0.1)
    return await attackers, most, ordinary.status_code


def test_uploads_in_the_smallest_chunks_from_many_addresses_take_no_more_memory_than_there_is(proxy: Proxy) -> None:
    statuses, most, ordinary = asyncio.run(attack(proxy))

    print(f"\nnginx: at most {most:.0f} MiB; answers {sorted(statuses)}; an ordinary upload: {ordinary}")  # noqa: T201
    assert most < MAX_CHUNKED * nginx("client_body_buffer_size") / MIB + 100
    assert ordinary == 200
