"""Makes a request log such as a large deployment has, and measures what statistics cost on it.

    python -m bench.log_rows --rows 5000000 --host 127.0.0.1 --port 3306 --user root --database bench_log

The database is made anew. Rows are inserted as they are, as a process of a version before the sums wrote them; then
`python -m app.cli rebuild` counts them, and `--measure` reads each statistic 20 times.
"""

import argparse
import asyncio
import itertools
import json
import random
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pymysql

from app.config import Settings
from app.drivers.build import open_database
from app.drivers.migrations import SQL_FOLDER
from app.models.domain import Category
from app.storage import storage_on
from app.utils.days import last_days

DAYS = 90
USERS = 200_000
IMAGES = 1_000_000
CHUNK = 10_000
READS = 20
EXPONENT = 1.1

INSERT_RECORDS = """
INSERT INTO request_log
  (request_id, user_id, ip_address, image_hash, image_size, category, confidence, from_cache, processing_time_ms,
   created_at, matched_by, saved_bytes)
SELECT * FROM JSON_TABLE(%s, '$[*]' COLUMNS (
  a VARCHAR(64) PATH '$[0]', b VARCHAR(64) PATH '$[1]', c VARCHAR(45) PATH '$[2]', d VARCHAR(80) PATH '$[3]',
  e INT PATH '$[4]', f VARCHAR(50) PATH '$[5]', g DECIMAL(5,4) PATH '$[6]', h INT PATH '$[7]', i INT PATH '$[8]',
  j DATETIME PATH '$[9]', k VARCHAR(16) PATH '$[10]', l INT PATH '$[11]'
)) AS new
"""


def zipf(chance: random.Random, number: int) -> Iterator[int]:
    """Yield numbers below `number`, the first ones often and the last ones seldom."""
    weights = list(itertools.accumulate(1 / (rank + 1) ** EXPONENT for rank in range(number)))
    while True:
        yield from chance.choices(range(number), cum_weights=weights, k=CHUNK)


def make_rows(rows: int, seed: int) -> Iterator[list[Any]]:
    """Yield rows of requests over some days up to now, the oldest first."""
    chance = random.Random(seed)  # nosec B311  # not for secrets
    users, images = zipf(chance, USERS), zipf(chance, IMAGES)
    categories, now, run = list(Category), datetime.now(UTC), secrets.token_hex(4)
    for number in range(rows):
        image, user = next(images), next(users)
        hit = chance.random() < 0.7
        by_name = hit and chance.random() < 0.8
        size = 100_000 + image % 4_000_000
        yield [
            f"req_{run}_{number}",
            f"user-{user}" if chance.random() < 0.9 else None,
            f"10.{user % 200}.{user // 200 % 250}.{chance.randrange(4)}",
            f"{image:064x}",
            None if by_name else size,
            categories[image % len(categories)],
            round(0.5 + image % 5000 / 10_000, 4),
            int(hit),
            chance.randrange(1, 20) if hit else int(chance.lognormvariate(7.2, 0.4)),
            (now - timedelta(days=DAYS) * (1 - (number + 1) / rows)).strftime("%Y-%m-%d %H:%M:%S"),
            chance.choice(["bytes", "bytes", "content", "near"]) if hit else None,
            size if by_name else None,
        ]


def fill(arguments: argparse.Namespace) -> None:
    """Make the database anew, with so many rows."""
    connection = pymysql.connect(
        host=arguments.host,
        port=arguments.port,
        user=arguments.user,
        password=arguments.password,
        client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
    )
    schema = (SQL_FOLDER / "init.sql").read_text(encoding="utf-8")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{arguments.database}`")
        cursor.execute(schema.replace("`image_classifier`", f"`{arguments.database}`"))
        while cursor.nextset():
            pass
        cursor.execute("UPDATE stats_state SET built_at = NULL")
        rows = make_rows(arguments.rows, arguments.seed)
        for done in itertools.count(CHUNK, CHUNK):
            chunk = list(itertools.islice(rows, CHUNK))
            if not chunk:
                break
            cursor.execute(INSERT_RECORDS, [json.dumps(chunk)])
            connection.commit()
            print(f"\r{done} rows", end="", flush=True)
    print()


async def measure(arguments: argparse.Namespace) -> None:
    """Print the median time of each statistic, in milliseconds."""
    settings = Settings(
        _env_file=None,
        mysql_host=arguments.host,
        mysql_port=arguments.port,
        mysql_user=arguments.user,
        mysql_password=arguments.password,
        mysql_database=arguments.database,
    )
    database = await open_database(settings)
    storage = storage_on(database, settings)
    today, month = (last_days(datetime.now(UTC), settings.timezone, days) for days in (1, 30))
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "today": lambda: storage.stats.sum_requests(today),
        "trend of 30 days": lambda: storage.stats.sum_requests(month),
        "cache": storage.stats.sum_cache,
        "bandwidth": storage.stats.sum_bandwidth,
        "categories": lambda: storage.stats.sum_categories(today),
        "latency": lambda: storage.stats.sum_latencies(today),
        "identity of 30 days": lambda: storage.identity.sum_matches(month),
        "tokens": lambda: storage.stats.sum_tokens(None),
        "users/top": lambda: storage.stats.fetch_top_users(20),
        "one user": lambda: storage.stats.fetch_user("user-0"),
    }
    for name, read in reads.items():
        times = []
        for _ in range(READS):
            began = time.perf_counter()
            await read()
            times.append(1000 * (time.perf_counter() - began))
        print(f"{name:22} {statistics.median(times):8.1f} ms")
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3306)
    parser.add_argument("--user", default="root")
    parser.add_argument("--password", default="")
    parser.add_argument("--database", default="bench_log")
    parser.add_argument("--measure", action="store_true", help="do not fill, read the statistics")
    arguments = parser.parse_args()
    if arguments.measure:
        asyncio.run(measure(arguments))
    else:
        fill(arguments)


if __name__ == "__main__":
    main()
