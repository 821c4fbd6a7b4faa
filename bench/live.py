"""What dashboards cost: check-cache's throughput beside 20 open ones, as a part of that without any.

    .venv/bin/python -m bench.live [--streams 20] [--seconds 65] [--rounds 7] [--only mysql]

A dashboard is a stream, and all the statistics read again each minute: a round that is shorter has a part of them.

Two gunicorn workers, on MySQL and then on SQLite: check-cache hits of 2,000 users by 64 connections, each durably
recorded. Both are measured in each round, in turns, and the median of the rounds' ratios counts; 0.97 is asked for.
Beside it is what the service's processes and MySQL took for a request without streams, as a part of that with them: on
a machine with much else to do it says more.
Needs `wrk` (Debian: apt-get install wrk).
"""

import argparse
import asyncio
import hashlib
import sqlite3
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.loads import fill, hash_script, known_hashes, require_wrk, send
from bench.processor_time import cpu_seconds, descendants, describe_machine, mysql_pid
from tests.support.live_stream import STREAM
from tests.support.mysql_server import provision
from tests.support.service_process import GUNICORN, Service, running_service

_IMAGES = 5_000
_USERS = 2_000
_CONNECTIONS = 64
_DATABASE = "bench_live"
_READ_EVERY_SECONDS = 62.5
"""60, and up to 5 by chance."""

_STATISTICS = (
    "/stats/trend?days=30",
    "/stats/yesterday",
    "/stats/latency?days=1",
    "/stats/category-distribution?days=1",
    "/stats/identity?days=1",
    "/stats/models?days=1",
    "/stats/budget",
    "/stats/users/top?limit=10",
    "/stats/images/top?limit=10",
    "/health",
    "/feedback?limit=20",
    "/audit?limit=20",
)
"""What a dashboard of today reads."""


class Followers(threading.Thread):
    """What so many open dashboards ask: a stream each, and the statistics as `web/src/dashboard/sources.ts` reads them.

    It looks into no answer: that is the page's to do.
    """

    def __init__(self, service: Service, streams: int) -> None:
        super().__init__()
        self.events = 0
        self._url = httpx.URL(service.url)
        self._streams = streams
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._follow_all())

    async def _follow_all(self) -> None:
        async with httpx.AsyncClient(base_url=self._url.join("/api/v1"), timeout=60) as client:
            tasks = [asyncio.create_task(self._follow()) for _ in range(self._streams)]
            tasks += [asyncio.create_task(self._read(client, place)) for place in range(self._streams)]
            await self._ended.wait()
            if any(task.done() for task in tasks):
                print("a dashboard was refused, or has ended", file=sys.stderr)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, client: httpx.AsyncClient, place: int) -> None:
        """Read all statistics again and again, as one page does. The pages were opened evenly over the pause."""
        await asyncio.sleep(_READ_EVERY_SECONDS * place / self._streams)
        while True:
            for answer in await asyncio.gather(*(client.get(path) for path in _STATISTICS)):
                if answer.url.path != "/api/v1/health":  # its 503 is an answer
                    answer.raise_for_status()
            await asyncio.sleep(_READ_EVERY_SECONDS)

    async def _follow(self) -> None:
        reader, writer = await asyncio.open_connection(self._url.host, self._url.port)
        writer.write(f"GET {STREAM} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if not (await reader.readline()).startswith(b"HTTP/1.1 200 "):
            return
        while data := await reader.read(65536):
            self.events += data.count(b"event: live")

    def end(self) -> None:
        """Hang up."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join()


def compare(title: str, service: Service, mysql: int | None, script: Path, arguments: argparse.Namespace) -> None:
    """Print what throughput is left beside the streams, and how much less processor time a request took without."""

    def busy_seconds() -> float:
        processes = [*descendants(service.process.pid), *([mysql] if mysql else [])]
        return sum(cpu_seconds(pid)[0] for pid in processes)

    url = service.url + "/api/v1/classify/check-cache"
    send(script, url, _CONNECTIONS, 5)  # warm
    alone, ratios, costs, events = [], [], [], 0
    for number in range(arguments.rounds):
        rates: dict[int, float] = {}
        seconds: dict[int, float] = {}
        for streams in (arguments.streams, 0) if number % 2 else (0, arguments.streams):
            followers = Followers(service, streams)
            followers.start()
            before = busy_seconds()
            answered = send(script, url, _CONNECTIONS, arguments.seconds)
            followers.end()
            rates[streams] = answered.per_second
            seconds[streams] = (busy_seconds() - before) / answered.requests
            events += followers.events
        alone.append(rates[0])
        ratios.append(rates[arguments.streams] / rates[0])
        costs.append(seconds[0] / seconds[arguments.streams])
        print(f"  {title}: {rates[0]:.0f}/s alone, {rates[arguments.streams]:.0f}/s beside streams", file=sys.stderr)
    each = events / arguments.rounds / arguments.streams / arguments.seconds
    median, spread = statistics.median(ratios), f"{min(ratios):.3f} - {max(ratios):.3f}"
    cells = (
        f"{statistics.median(alone):.0f} | {spread} | **{median:.3f}** | {statistics.median(costs):.3f} | {each:.2f}"
    )
    print(f"| {title} | {cells} |", flush=True)


def fill_sqlite(path: Path) -> None:
    """Make the images known, in a database that the service has made."""
    rows = ((hashlib.sha256(b"%d" % number).hexdigest(),) for number in range(_IMAGES))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO image_classification_cache (image_hash, category, confidence, model_used, prompt_version, "
            "created_at, last_hit_at) VALUES (?, 'pets', 0.9, 'gpt-6-luna', '1', datetime('now'), datetime('now'))",
            rows,
        )


@contextmanager
def two_workers(folder: Path, **settings: Any) -> Iterator[Service]:
    """Run the service with a model that nobody asks."""
    folder.mkdir()
    model = {"llm_provider": "openai", "llm_api_key": "k", "llm_base_url": "http://127.0.0.1:9/v1"}
    with running_service(folder, GUNICORN, web_concurrency=2, **model, **settings) as service:
        yield service


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=65)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["mysql", "sqlite"])
    arguments = parser.parse_args()
    require_wrk()
    print(f"{describe_machine()}\n")
    print("| on | requests/s alone | ratios | median | of processor time | events/s a stream |")
    print("| --- | --- | --- | --- | --- | --- |")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        script = hash_script(folder, "known", known_hashes(_IMAGES), _USERS)
        if arguments.only != "sqlite":
            server = provision()
            stack.callback(server.stop)
            server.query(f"DROP DATABASE IF EXISTS `{_DATABASE}`")
            fill(server, _DATABASE, _IMAGES)
            server.query("UPDATE stats_state SET built_at = UTC_TIMESTAMP()", _DATABASE)
            with two_workers(folder / "mysql", **server.settings(_DATABASE)) as service:
                compare(f"MySQL {server.version}", service, mysql_pid(server), script, arguments)
        if arguments.only != "mysql":
            with two_workers(folder / "sqlite") as service:
                fill_sqlite(folder / "sqlite/classifier.db")
                compare("SQLite", service, None, script, arguments)


if __name__ == "__main__":
    main()
