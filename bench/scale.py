"""How far one machine goes: cached answers by the number of workers and the size of the table.

    .venv/bin/python -m bench.scale [--workers 1 2 4] [--images 100000 1000000] [--rounds 5] [--seconds 2]

One MySQL server; for each size of the table and each number of workers a service of its own, in turns. 100,000 images
of each table (or all) asked for uniformly by 100,000 users, nothing kept in memory by the service, every hit durably
recorded. Throughput is a ratio to that of the first of them within each round. Beside it, what a request costs the
workers and MySQL in processor time: where the cores are used up, as on a small machine, these say what the next core
would bring, and the throughput does not. TEST_MYSQL_HOST names a server that is there, and keeps its tables for the
next run. Needs `wrk`.
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.loads import fill, hash_script, known_hashes, require_wrk, send, some_workers
from bench.processor_time import cpu_seconds, descendants, describe_machine, mysql_pid
from tests.support.mysql_server import MySQLServer, provision
from tests.support.service_process import Service

_CONNECTIONS_A_WORKER = 64
_PATH = "/api/v1/classify/check-cache"


@dataclass(frozen=True)
class Place:
    """One of the services that take turns."""

    images: int
    workers: int
    service: Service
    script: Path

    def send(self, seconds: int, mysql: int | None) -> "Reading":
        """Send requests for so long and return what became of them."""
        before = self._cpu(mysql)
        answered = send(self.script, self.service.url + _PATH, _CONNECTIONS_A_WORKER * self.workers, seconds)
        own, database = (one - two for one, two in zip(self._cpu(mysql), before, strict=True))
        return Reading(answered.per_second, own * 1e6 / answered.requests, database * 1e6 / answered.requests)

    def _cpu(self, mysql: int | None) -> tuple[float, float]:
        own = sum(cpu_seconds(pid)[0] for pid in descendants(self.service.process.pid))
        return own, cpu_seconds(mysql)[0] if mysql is not None else float("nan")


@dataclass(frozen=True)
class Reading:
    """What a round found: requests a second, and microseconds of processor time a request."""

    per_second: float
    workers_us: float
    mysql_us: float


def _open(stack: ExitStack, server: MySQLServer, images: int, workers: int, folder: Path) -> Place:
    settings = {**server.settings(f"image_classifier_bench_{images}"), "memory_cache_entries": 0}
    service = stack.enter_context(some_workers(workers, settings))
    return Place(images, workers, service, hash_script(folder, str(images), known_hashes(images), users=100_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--images", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        for images in arguments.images:
            fill(server, f"image_classifier_bench_{images}", images)
        choices = [(images, workers) for images in arguments.images for workers in arguments.workers]
        places = [_open(stack, server, images, workers, folder) for images, workers in choices]
        mysql = mysql_pid(server)
        for place in places:
            place.send(1, mysql)  # warm
        rounds: list[list[Reading]] = []
        for number in range(arguments.rounds):
            # Every other round goes backwards: what changes slowly on the machine favours nobody.
            turn = places if number % 2 == 0 else places[::-1]
            readings = {place.service.url: place.send(arguments.seconds, mysql) for place in turn}
            rounds.append([readings[place.service.url] for place in places])
        print(f"{describe_machine()}; MySQL {server.version}, {arguments.rounds} rounds")
        _print_table(places, rounds)


def _print_table(places: list[Place], rounds: list[list[Reading]]) -> None:
    print("| cached images | workers | requests/s | ratios | median | workers, us | MySQL, us |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number, place in enumerate(places):
        ratios = [readings[number].per_second / readings[0].per_second for readings in rounds]
        rate, own, database = (
            statistics.median(getattr(readings[number], name) for readings in rounds)
            for name in ("per_second", "workers_us", "mysql_us")
        )
        spread = f"{min(ratios):.2f} - {max(ratios):.2f} | **{statistics.median(ratios):.2f}**"
        print(f"| {place.images} | {place.workers} | {rate:.0f} | {spread} | {own:.0f} | {database:.0f} |")


if __name__ == "__main__":
    main()
