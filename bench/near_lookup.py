"""How long it takes to find what a photo looks like among all that were paid for, and what one more of them costs.

    .venv/bin/python -m bench.near_lookup [--images 1000000] [--lookups 500] [--buffer-pool-mb 2048]

Through the service's own repositories, on MySQL, one look-up at a time. The fingerprints are random bits; half of the
look-ups are of one that is there with 8 bits changed, half of one that nobody has. What one more picture costs is the
time of a transaction that records a paid answer with its fingerprint, less that of one without, in turns.
"""

import argparse
import asyncio
import hashlib
import random
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from app.config import Settings
from app.database import Database, Sql
from app.drivers.build import open_database
from app.models.domain import Outcome
from app.models.identity import Fingerprint, Naming
from app.repositories.name_rows import slots_of
from app.repositories.near_repository import MAX_DISTANCE, NearRepository
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from bench.loads import fill
from tests.factories import make_outcome
from tests.support.mysql_server import MySQLServer, provision

_DATABASE = "image_classifier_bench_near"
_CHANGED_BITS = 8
_STEP = 100_000
_CANDIDATES = Sql.same("""
SELECT COUNT(DISTINCT fingerprint_id)
FROM JSON_TABLE(:slots, '$[*]' COLUMNS (place FOR ORDINALITY, value SMALLINT UNSIGNED PATH '$')) AS wanted
STRAIGHT_JOIN fingerprint_slot AS s ON s.slot = wanted.place - 1 AND s.value = wanted.value
""")


def pdq_of(number: int) -> bytes:
    """Return the fingerprint of the picture with this number, as `fill_fingerprints` makes it."""
    return hashlib.sha256(b"pdq%d" % number).digest()


def fill_fingerprints(server: MySQLServer, images: int) -> None:
    """Give each of the images a fingerprint and its slots."""
    for start in range(0, images, _STEP):
        count = min(_STEP, images - start)
        server.query(
            f"SET SESSION cte_max_recursion_depth = {_STEP + 1};"
            "INSERT INTO image_fingerprint (image_hash, pdq, quality, width, height, created_at) "
            f"WITH RECURSIVE n AS (SELECT {start} AS i UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {start + count}) "
            "SELECT SHA2(i, 256), UNHEX(SHA2(CONCAT('pdq', i), 256)), 100, 4032, 3024, '2026-01-01' FROM n",
            _DATABASE,
        )
    for slot in range(16):  # each in the order of the key: a page is written once
        value = f"CONV(SUBSTR(HEX(pdq), {4 * slot + 1}, 4), 16, 10)"
        server.query(
            "INSERT INTO fingerprint_slot (slot, value, fingerprint_id) "
            f"SELECT {slot}, {value}, id FROM image_fingerprint ORDER BY CAST({value} AS UNSIGNED), id",
            _DATABASE,
        )
        print(f"  slot {slot}", file=sys.stderr)
    server.query("ANALYZE TABLE fingerprint_slot, image_fingerprint, image_classification_cache", _DATABASE)


async def look_up(database: Database, images: int, lookups: int) -> None:
    """Print how long look-ups take, and how many of those that are there are found."""
    near, chance = NearRepository(database), random.Random(1)
    seconds: list[float] = []
    candidates: list[int] = []
    found = known = 0
    for turn in range(lookups + 20):
        number = chance.randrange(images)
        pdq = secrets.token_bytes(32)
        if turn % 2:
            changed = sum(1 << bit for bit in chance.sample(range(256), _CHANGED_BITS))
            pdq = (int.from_bytes(pdq_of(number)) ^ changed).to_bytes(32)
        began = time.perf_counter()
        neighbours = await near.find(pdq, MAX_DISTANCE)
        took = time.perf_counter() - began
        if turn < 20:
            continue  # warm
        seconds.append(took)
        known += turn % 2
        image_hash = hashlib.sha256(b"%d" % number).hexdigest()
        found += bool(turn % 2) and [(one.image_hash, one.distance) for one in neighbours] == [(image_hash, 8)]
        ((read,),) = await database.fetch_all(_CANDIDATES, {"slots": str(slots_of(pdq))})
        candidates.append(read)
    print(f"| look-up, {images} pictures | {_figures(seconds)} | found {found} of {known} |")
    print(f"| candidates that it reads | median {statistics.median(candidates):.0f}, most {max(candidates)} | |")


async def write(database: Database, writes: int) -> None:
    """Print what a fingerprint costs in the transaction that records an answer."""
    records, series = RecordRepository(database), secrets.token_hex(16)

    def plain() -> Outcome:
        return make_outcome()

    def looking() -> Outcome:
        outcome = make_outcome()
        fingerprint = Fingerprint(secrets.token_bytes(32), 100, 4032, 3024)
        return replace(outcome, naming=Naming(outcome.image_hash, fingerprint=fingerprint))

    kinds: Sequence[tuple[str, Callable[[], Outcome]]] = (("without", plain), ("with", looking))
    seconds: dict[str, list[float]] = {name: [] for name, _ in kinds}
    for turn in range(writes * len(kinds)):
        name, make = kinds[turn % len(kinds)]
        batch = RecordBatch.of(series, turn + 1, [make()])
        began = time.perf_counter()
        await records.write([batch])
        seconds[name].append(time.perf_counter() - began)
    for name, values in seconds.items():
        print(f"| a paid answer, {name} a fingerprint | {_figures(values)} | |")


def _figures(seconds: list[float]) -> str:
    ordered = sorted(1000 * value for value in seconds)
    return f"median {statistics.median(ordered):.2f} ms, 95 % within {ordered[int(0.95 * len(ordered))]:.2f} ms"


async def measure(settings: dict[str, Any], images: int, lookups: int) -> None:
    async with AsyncExitStack() as stack:
        database = await open_database(Settings(_env_file=None, **settings))
        stack.push_async_callback(database.close)
        await look_up(database, images, lookups)
        await write(database, min(lookups, 300))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--lookups", type=int, default=500)
    parser.add_argument("--buffer-pool-mb", type=int, default=2048)
    arguments = parser.parse_args()
    server = provision()
    try:
        server.query(f"SET GLOBAL innodb_buffer_pool_size = {arguments.buffer_pool_mb * 1024 * 1024}")
        server.query(f"DROP DATABASE IF EXISTS {_DATABASE}")
        fill(server, _DATABASE, arguments.images)
        fill_fingerprints(server, arguments.images)
        asyncio.run(measure(server.settings(_DATABASE), arguments.images, arguments.lookups))
        server.query(f"DROP DATABASE {_DATABASE}")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
