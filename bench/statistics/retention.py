"""What requests feel of retention: the longest of them while a million rows go, and while none does.

    .venv/bin/python -m bench.statistics.retention --database bench_log --keep-days 72

The database is one that `bench.statistics.log` made and `app.cli rebuild` counted; its oldest rows are gone afterwards.
One gunicorn worker, check-cache hits by 64 connections, durably recorded, nothing kept in memory; retention runs in a
process of its own, as it does in another worker.
"""

import argparse
import asyncio
import re
import subprocess
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from app.services.upkeep.retention import Retention
from app.storage import open_storage
from bench.loads import hash_script, known_hashes, one_worker, require_wrk
from tests.conftest import make_settings
from tests.support.mysql_server import MySQLServer, provision

_SLICE_SECONDS = 10


def longest(script: Path, url: str, seconds: int) -> tuple[float, float]:
    """Send requests for so long; return how many were answered a second, and milliseconds of the longest."""
    command = ["wrk", "-t1", "-c64", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    number, unit = re.search(r"Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)", output).groups()  # type: ignore[union-attr]
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)  # type: ignore[union-attr]
    return float(rate), float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


async def delete(server: MySQLServer, database: str, keep: timedelta) -> int:
    """Delete all rows of requests that are older."""
    async with open_storage(make_settings(**server.settings(database))) as storage:
        log, backlog = storage.request_log, storage.rollups.measure_outbox
        hour = timedelta(hours=1)
        retention = Retention("requests", log.delete_older, keep, hour, storage.leases, measure_backlog=backlog)
        return await retention.delete_expired()


async def measure(server: MySQLServer, database: str, keep: timedelta, script: Path, url: str) -> None:
    """Print how many rows went in what time, and how long requests took meanwhile."""
    await asyncio.to_thread(longest, script, url, 5)  # warm
    for _ in range(2):
        rate, most = await asyncio.to_thread(longest, script, url, _SLICE_SECONDS)
        print(f"without: {rate:.0f}/s, the longest took {most:.0f} ms", flush=True)
    began = time.monotonic()
    deleting = asyncio.create_task(delete(server, database, keep))
    while not deleting.done():
        rate, most = await asyncio.to_thread(longest, script, url, _SLICE_SECONDS)
        print(f"beside retention: {rate:.0f}/s, the longest took {most:.0f} ms", flush=True)
    print(f"{await deleting} rows went in {time.monotonic() - began:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="bench_log")
    parser.add_argument("--keep-days", type=float, default=72)
    parser.add_argument("--images", type=int, default=1_000_000)
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        settings = {**server.settings(arguments.database), "memory_cache_entries": 0, "log_retention_days": 0}
        service = stack.enter_context(one_worker(settings))
        script = hash_script(folder, "known", known_hashes(arguments.images))
        url = service.url + "/api/v1/classify/check-cache"
        asyncio.run(measure(server, arguments.database, timedelta(days=arguments.keep_days), script, url))


if __name__ == "__main__":
    main()
