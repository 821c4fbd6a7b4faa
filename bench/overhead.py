"""What a miss costs beside the model: the service's median minus a direct SDK call's, in alternating rounds.

    make bench        (or: .venv/bin/python -m bench.overhead [--requests 200] [--mysql])

The same photo (1024 pixels, about 400 KB) goes to the same vendor, which answers at once: directly through the OpenAI
SDK, and through the service, where each upload differs in its last bytes and so is a miss. `--mysql` uses the MySQL
server of the tests; without it the database is SQLite.
"""

import argparse
import asyncio
import base64
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import openai
from PIL import Image

from app.services.model.prompt import build_prompt
from app.services.model.providers.openai_provider import STRICT_SCHEMA, openai_options
from tests.support.mysql_server import provision
from tests.support.service_process import ROOT, running_service

ROUNDS = 5


def make_photo() -> bytes:
    """Return a JPEG of 1024 x 768 pixels and about 400 KB."""
    coarse = Image.frombytes("RGB", (256, 192), os.urandom(256 * 192 * 3))
    output = BytesIO()
    coarse.resize((1024, 768), Image.Resampling.BICUBIC).save(output, "JPEG", quality=92)
    return output.getvalue()


@contextmanager
def running_vendor() -> Iterator[str]:
    """Run the vendor in a process of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "bench.vendor:app", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


async def timed(call: Callable[[], Awaitable[object]], times: int) -> list[float]:
    """Return how many milliseconds each of `times` calls took, one after the other."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


async def compare(vendor_url: str, service_url: str, requests: int) -> None:
    photo = make_photo()
    prompt = build_prompt("Chinese")
    url = f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}"
    messages: Any = [
        {"role": "system", "content": prompt},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]},
    ]
    sdk = openai.AsyncOpenAI(api_key="k", base_url=vendor_url, max_retries=0)

    async with httpx.AsyncClient(base_url=service_url, timeout=30) as client:

        async def direct() -> None:
            await sdk.chat.completions.create(model="bench", messages=messages, **STRICT_SCHEMA, **openai_options(500))

        async def through_the_service() -> None:
            answer = await client.post("/api/v1/classify", files={"image": photo + secrets.token_bytes(8)})
            assert answer.json()["from_cache"] is False, answer.text

        await timed(direct, 5)
        await timed(through_the_service, 5)
        print(f"photo: {len(photo) // 1000} KB, {ROUNDS} rounds of {requests // ROUNDS} requests each, one at a time\n")
        print("| round | direct, median ms | service, median ms | difference ms |\n| --- | --- | --- | --- |")
        differences = []
        for number in range(ROUNDS):
            one = statistics.median(await timed(direct, requests // ROUNDS))
            other = statistics.median(await timed(through_the_service, requests // ROUNDS))
            differences.append(other - one)
            print(f"| {number + 1} | {one:.1f} | {other:.1f} | {other - one:.1f} |")
        print(f"| median |  |  | **{statistics.median(differences):.1f}** |")
    await sdk.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200, help="requests of each kind")
    parser.add_argument("--mysql", action="store_true", help="MySQL in place of SQLite")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings: dict[str, Any] = {}
        if arguments.mysql:
            server = provision()
            stack.callback(server.stop)
            server.query((ROOT / "sql/init.sql").read_text(encoding="utf-8"))
            settings = {"mysql_host": server.host, "mysql_port": server.port, "mysql_user": server.user}
            settings["mysql_password"] = server.password
            print(f"MySQL {server.version}")
        vendor_url = stack.enter_context(running_vendor())
        settings |= {"llm_provider": "openai", "llm_api_key": "k", "llm_base_url": vendor_url}
        service = stack.enter_context(running_service(folder, **settings))
        asyncio.run(compare(vendor_url, service.url, arguments.requests))


if __name__ == "__main__":
    main()
