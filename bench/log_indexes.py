"""What each index of the request log that no query uses costs a durable hit: MySQL's processor time, and throughput.

    .venv/bin/python -m bench.log_indexes [--rows 500000] [--connections 64] [--rounds 7]

Real MySQL, one gunicorn worker for each variant, a known user, every hit durably recorded in a log that holds so many
rows already. The schema without these indexes is compared with the same and one of them, and with all. Variants take
turns within each round, and the medians count. Needs `wrk` (Debian: apt-get install wrk).
"""

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.loads import fill, one_worker, require_wrk, send, write_loads
from bench.overhead import make_photo
from bench.processor_time import Cost, Subject, describe_machine, measure, mysql_pid
from tests.support.mysql_server import MySQLServer, provision

UNUSED = {
    "idx_ip_address": "ip_address",
    "idx_created_date": "created_date",
    "idx_from_cache": "from_cache",
    "idx_category": "category",
}
VARIANTS: dict[str, tuple[str, ...]] = {"none": (), **{name: (name,) for name in UNUSED}, "all four": tuple(UNUSED)}
_IMAGES = 100_000
_STEP = 100_000


def fill_log(server: MySQLServer, database: str, rows: int) -> None:
    """Make the log hold so many rows of 90 days, 20,000 users and all categories."""
    for start in range(0, rows, _STEP):
        server.query(
            f"SET SESSION cte_max_recursion_depth = {_STEP + 1};"
            "INSERT INTO request_log (request_id, user_id, ip_address, image_hash, category, confidence, from_cache, "
            "processing_time_ms, created_at, matched_by) "
            f"WITH RECURSIVE n AS (SELECT {start} AS i UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {start + _STEP}) "
            "SELECT CONCAT('req_', LEFT(SHA2(i, 256), 32)), CONCAT('device-', FLOOR(RAND() * 20000)), "
            "INET_NTOA(FLOOR(RAND() * 4294967295)), SHA2(FLOOR(RAND() * 100000), 256), "
            "ELT(1 + FLOOR(RAND() * 4), 'pets', 'foods', 'travel_scenery', 'other'), 0.9, RAND() < 0.6, "
            f"FLOOR(RAND() * 900), UTC_TIMESTAMP() - INTERVAL FLOOR(7776000 * (1 - i / {rows})) SECOND, 'bytes' FROM n",
            database,
        )


def start(stack: ExitStack, server: MySQLServer, variant: str, rows: int) -> Subject:
    """Start a worker on a database that has the indexes of this variant."""
    database = f"image_classifier_log_{variant.replace(' ', '_')}"
    fill(server, database, _IMAGES)
    for name in VARIANTS[variant]:
        server.query(f"ALTER TABLE request_log ADD KEY {name} ({UNUSED[name]})", database)
    fill_log(server, database, rows)
    print(f"  {variant}: filled", file=sys.stderr)
    settings = {**server.settings(database), "memory_cache_entries": 0}
    service = stack.enter_context(one_worker(settings))
    return Subject(variant, service, service)


def report(costs: dict[str, list[Cost]]) -> None:
    """Print a row for each variant, compared with the schema as it is."""
    print("| indexes beside ours | MySQL, us a hit | to ours | hits a second, to ours |")
    print("| --- | --- | --- | --- |")
    for name, measured in costs.items():
        pairs = list(zip(measured, costs["none"], strict=True))
        own = statistics.median(cost.mysql for cost in measured)
        time = statistics.median(one.mysql / none.mysql for one, none in pairs)
        rate = statistics.median(one.requests_per_second / none.requests_per_second for one, none in pairs)
        print(f"| {name} | {own:.0f} | {time:.2f} | {rate:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        load = write_loads(folder, _IMAGES, make_photo())["hit"]
        subjects = [start(stack, server, variant, arguments.rows) for variant in VARIANTS]
        print(f"{describe_machine()}; MySQL {server.version}, {arguments.rows} rows in the log")
        for subject in subjects:
            send(load.script, subject.url(load), arguments.connections, 3)  # warm
        costs: dict[str, list[Cost]] = {subject.name: [] for subject in subjects}
        for number in range(arguments.rounds):
            for subject in subjects if number % 2 == 0 else reversed(subjects):
                cost = measure(subject, load, mysql_pid(server), arguments.connections, arguments.seconds)
                costs[subject.name].append(cost)
        report(costs)


if __name__ == "__main__":
    main()
