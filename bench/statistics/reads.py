"""What reading statistics costs: each on a large log beside a small one, and throughput beside a dashboard.

    .venv/bin/python -m bench.statistics.log --rows 5000000 --database bench_log
    .venv/bin/python -m bench.statistics.log --rows 50000 --images 10000 --database bench_small
    MYSQL_DATABASE=bench_log .venv/bin/python -m app.cli rebuild    # and bench_small
    .venv/bin/python -m bench.statistics.reads --large bench_log --small bench_small [--rounds 7]

One gunicorn worker on each database of one MySQL server (TEST_MYSQL_HOST ... name it), read in turns.
Throughput: check-cache hits by 64 connections, durably recorded, nothing kept in memory, while four statistics are read
every two seconds and while none is; both in each round, and the medians count.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from bench.loads import hash_script, known_hashes, one_worker, require_wrk, send
from tests.support.mysql_server import provision
from tests.support.service_process import Service

_READS = 31
_PATHS = (
    "today",
    "trend?days=30",
    "trend?days=90",
    "cache-efficiency",
    "category-distribution",
    "category-distribution?days=90",
    "yesterday",
    "latency?days=30",
    "identity?days=30",
    "models?days=30",
    "tokens",
    "users/top",
    "users/top?limit=100",
    "users/user-0",
    "images/top",
)
_DASHBOARD = ("today", "trend?days=30", "cache-efficiency", "users/top")
_EVERY_SECONDS = 2.0


def read(client: httpx.Client, path: str) -> float:
    """Return how many milliseconds a statistic took."""
    began = time.perf_counter()
    client.get(f"/api/v1/stats/{path}").raise_for_status()
    return 1000 * (time.perf_counter() - began)


def compare_sizes(large: Service, small: Service) -> None:
    """Print a row for each endpoint."""
    print("| statistic | large, ms | small, ms | ratio |\n| --- | --- | --- | --- |")
    with httpx.Client(base_url=large.url, timeout=60) as one, httpx.Client(base_url=small.url, timeout=60) as two:
        for path in _PATHS:
            pairs = [(read(one, path), read(two, path)) for _ in range(_READS)]
            times = [statistics.median(column) for column in zip(*pairs, strict=True)]
            print(f"| {path} | {times[0]:.1f} | {times[1]:.1f} | **{times[0] / times[1]:.2f}** |", flush=True)


@contextmanager
def reading(service: Service, paths: Sequence[str]) -> Iterator[list[float]]:
    """Read these statistics every two seconds until the end of the block; the list is of milliseconds."""
    times: list[float] = []
    closed = threading.Event()

    def run() -> None:
        with httpx.Client(base_url=service.url, timeout=60) as client:
            while not closed.is_set():
                times.extend(read(client, path) for path in paths)
                closed.wait(_EVERY_SECONDS)

    thread = threading.Thread(target=run)
    thread.start()
    yield times
    closed.set()
    thread.join()


def compare_throughput(service: Service, script: Path, rounds: int, seconds: int) -> None:
    """Print what throughput is left beside a dashboard."""
    url = service.url + "/api/v1/classify/check-cache"
    send(script, url, 64, 5)  # warm
    ratios, times = [], []
    for number in range(rounds):
        rates = {}
        for reads in (True, False) if number % 2 else (False, True):
            with reading(service, _DASHBOARD if reads else ()) as took:
                rates[reads] = send(script, url, 64, seconds).per_second
            times += took
        ratios.append(rates[True] / rates[False])
        print(f"  {rates[False]:.0f}/s alone, {rates[True]:.0f}/s beside a dashboard", flush=True)
    spread = f"{min(ratios):.3f} - {max(ratios):.3f}"
    print(f"beside a dashboard: **{statistics.median(ratios):.3f}** ({spread}) of the throughput without")
    print(f"a statistic under load: {statistics.median(times):.0f} ms in the median, {max(times):.0f} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", default="bench_log")
    parser.add_argument("--small", default="bench_small")
    parser.add_argument("--images", type=int, default=1_000_000, help="how many the large one has")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=12)
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        own = {"memory_cache_entries": 0, "log_retention_days": 0}
        large, small = (
            stack.enter_context(one_worker({**server.settings(name), **own}))
            for name in (arguments.large, arguments.small)
        )
        compare_sizes(large, small)
        script = hash_script(folder, "known", known_hashes(arguments.images))
        compare_throughput(large, script, arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
