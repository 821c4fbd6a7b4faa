"""P5 from outside: a thousand clients that send or read as slowly as they may do not slow down the others."""

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.proxy import Proxy, program_or_skip, running_proxy
from tests.support.service_process import GUNICORN, running_service
from tests.support.waiting import until

CONNECTIONS = 1000
ATTACK_SECONDS = 20
LOGGED_SECONDS = 15
POLL_SECONDS = 0.02
P99_MS = 200
OTHER_CLIENT = "127.0.0.2"  # connections are limited by address, and the attacker has used up its own

ATTACKS = {
    "headers": (["-H"], "/api/v1/health"),
    "body": (["-B", "-s", "8192"], "/api/v1/classify"),
    "reading": (["-X"], "/openapi.json"),
}


@pytest.fixture
def slowhttptest() -> list[str]:
    return program_or_skip("slowhttptest", "usr/bin/slowhttptest")


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with (
        running_service(tmp_path, GUNICORN, web_concurrency=2, env="production", allow_open_statistics=True) as service,
        running_proxy(tmp_path / "nginx", service.url) as started,
    ):
        yield started


async def poll(proxy: Proxy, seconds: float) -> list[float]:
    """Return how many seconds each of many health checks took, TLS handshake included."""
    took = []
    end = time.monotonic() + seconds
    transport = httpx.AsyncHTTPTransport(
        verify=proxy.tls(), local_address=OTHER_CLIENT, limits=httpx.Limits(max_keepalive_connections=0)
    )
    async with httpx.AsyncClient(transport=transport, base_url=proxy.url, timeout=10) as client:
        while time.monotonic() < end:
            started = time.perf_counter()
            response = await client.get("/api/v1/health")
            took.append(time.perf_counter() - started)
            assert response.status_code == 200, response.text
            await asyncio.sleep(POLL_SECONDS)
    return took


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_thousand_slow_connections_do_not_slow_down_others(
    attack: str, proxy: Proxy, slowhttptest: list[str], tmp_path: Path
) -> None:
    mode, path = ATTACKS[attack]
    command = [*slowhttptest, *mode, "-u", f"{proxy.url}{path}", "-c", str(CONNECTIONS), "-r", "250", "-i", "5"]
    before = asyncio.run(poll(proxy, 2))
    with (tmp_path / "attack").open("wb") as output:
        attacker = subprocess.Popen([*command, "-l", str(ATTACK_SECONDS), "-v", "1"], stdout=output, stderr=output)
    try:
        took = sorted(asyncio.run(poll(proxy, ATTACK_SECONDS)))
    finally:
        attacker.terminate()
        attacker.wait(10)

    p50, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
    # nginx writes the line of a request when its connection has ended, refused ones included.
    asyncio.run(until(lambda: statuses_of_attacks(proxy).total() >= CONNECTIONS * 0.9, LOGGED_SECONDS))
    attacks = statuses_of_attacks(proxy)
    print(  # noqa: T201
        f"\nslow {attack}: {dict(attacks)}; {len(took)} health checks: p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
        f"max {took[-1] * 1000:.0f} ms (before: max {max(before) * 1000:.0f} ms)"
    )
    assert p99 < P99_MS


def statuses_of_attacks(proxy: Proxy) -> Counter[int]:
    """Return how many of the attacker's requests ended how; 408: cut off, 429: refused."""
    lines = [json.loads(line) for line in (proxy.folder / "access.log").read_text().splitlines()]
    return Counter(line["status"] for line in lines if line["client"] != OTHER_CLIENT)
