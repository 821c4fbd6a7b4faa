"""What Redis in front of MySQL is worth: check-cache hits of several processes, with it and without it.

    .venv/bin/python -m bench.redis [--images 100000] [--processes 4] [--connections 64] [--seconds 5] [--rounds 5]

Real MySQL, a real Redis, two gunicorns with the same number of workers and no memory of their own, a known user, every
hit durably recorded. They take turns within each round, and the median of the rounds' ratios counts. All that are
asked for are in Redis before it is measured. Beside it: the processor time that the workers, MySQL and Redis take for
a request, which what else the machine does changes little; where all of them share the machine, their sum says what
can be gained. Needs `wrk` (Debian: apt-get install wrk).
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.loads import fill, hash_script, known_hashes, require_wrk, send, some_workers
from bench.processor_time import cpu_seconds, descendants, mysql_pid
from tests.support.mysql_server import provision
from tests.support.redis_server import RedisServer, running_redis
from tests.support.service_process import Service

_BATCH = 50
_PATH = "/api/v1/classify/check-cache"


def batch_script(folder: Path, hashes: list[str]) -> Path:
    """Write a script that asks for 50 of these hashes at a time."""
    single = hash_script(folder, "batch", hashes).read_text(encoding="utf-8")
    script = folder / "batch50.lua"
    items = f"""local items = {{}}
  for i = 1, {_BATCH} do items[i] = '{{"image_hash":"' .. hashes[math.random(#hashes)] .. '"}}' end
  return wrk.format("POST", nil, headers, '{{"items":[' .. table.concat(items, ",") .. ']}}')
end
"""
    script.write_text(single[: single.index("  return wrk.format")] + "  " + items, encoding="utf-8")
    return script


def warm(service: Service, hashes: list[str], redis: RedisServer) -> None:
    """Let all images be in Redis."""
    with httpx.Client(base_url=service.url, timeout=30) as client:
        for _ in range(3):
            for start in range(0, len(hashes), 200):
                items = [{"image_hash": one} for one in hashes[start : start + 200]]
                client.post(f"{_PATH}/batch", json={"items": items}).raise_for_status()
    held = redis.ask("DBSIZE").decode().strip(":\r\n")
    print(f"Redis holds {held} answers\n")


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process and its children have taken so far."""
    return sum(cpu_seconds(one)[0] for one in [pid, *descendants(pid)])


@dataclass
class Contender:
    """A service, and the servers that work for it."""

    service: Service
    servers: list[int]
    rates: list[float] = field(default_factory=list)
    microseconds: list[list[float]] = field(default_factory=list)
    """Of each round, for a request: of the workers, and of each server."""

    def run(self, script: Path, path: str, arguments: argparse.Namespace) -> None:
        pids = [self.service.process.pid, *self.servers]
        before = [processor_seconds(pid) for pid in pids]
        answered = send(script, self.service.url + path, arguments.connections, arguments.seconds)
        taken = [processor_seconds(pid) - began for pid, began in zip(pids, before, strict=True)]
        self.rates.append(answered.per_second)
        self.microseconds.append([1e6 * seconds / answered.requests for seconds in taken])

    def describe(self) -> str:
        parts = [statistics.median(column) for column in zip(*self.microseconds, strict=True)]
        return " + ".join(f"{part:.0f}" for part in parts)

    @property
    def whole(self) -> float:
        return statistics.median(sum(parts) for parts in self.microseconds)


def measure(title: str, script: Path, path: str, pair: list[Contender], arguments: argparse.Namespace) -> None:
    """Print one row of the table."""
    for one in pair:
        one.run(script, path, arguments)  # to warm it
        one.rates, one.microseconds = [], []
    for number in range(arguments.rounds):
        # The second of a pair finds the machine as the first has left it: each is first in every other round.
        for one in pair if number % 2 else pair[::-1]:
            one.run(script, path, arguments)
    ratios = [one / two for one, two in zip(pair[0].rates, pair[1].rates, strict=True)]
    ours, theirs = (statistics.median(each.rates) for each in pair)
    spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
    print(
        f"| {title} | {ours:.0f} | {theirs:.0f} | {spread} | **{statistics.median(ratios):.2f}** "
        f"| {pair[0].describe()} | {pair[1].describe()} | **{pair[1].whole / pair[0].whole:.2f}** |",
        flush=True,
    )


def show_use(service: Service) -> None:
    """Print what became of the look-ups in Redis, for an honest reading."""
    lines = httpx.get(f"{service.url}/metrics").text.splitlines()
    told = ("image_classifier_redis_lookups_total{", "image_classifier_redis_errors_total{")
    print("", *(line for line in lines if line.startswith(told)), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        redis = stack.enter_context(running_redis())
        database = f"image_classifier_bench_{arguments.images}"
        fill(server, database, arguments.images)
        server.query("UPDATE image_classification_cache SET image_size = 400000", database)
        settings = {**server.settings(database), "memory_cache_entries": 0}
        with_redis = stack.enter_context(some_workers(arguments.processes, {**settings, "redis_url": redis.url}))
        without = stack.enter_context(some_workers(arguments.processes, settings))
        hashes = list(known_hashes(arguments.images))
        warm(with_redis, hashes, redis)
        print(f"MySQL {server.version}, {arguments.images} images, {arguments.processes} processes\n")
        print(
            "| what | with Redis, requests/s | without | ratios | median "
            "| processor us: workers + MySQL + Redis | workers + MySQL | ratio |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |"
        )
        mysql = [pid for pid in [mysql_pid(server)] if pid is not None]
        pair = [Contender(with_redis, [*mysql, redis.pid]), Contender(without, mysql)]
        measure("check-cache hit", hash_script(folder, "known", hashes), _PATH, pair, arguments)
        measure(f"{_BATCH} hits at once", batch_script(folder, hashes), f"{_PATH}/batch", pair, arguments)
        show_use(with_redis)


if __name__ == "__main__":
    main()
