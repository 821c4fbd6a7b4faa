"""Makes the tables of a large deployment in a database of its own, made anew.

    .venv/bin/python -m bench.statistics.log [--rows 5000000] [--images 1000000] [--database bench_log]

The server is the one that the tests would have (TEST_MYSQL_HOST ... names it). `python -m app.cli rebuild` counts the
rows then.
"""

import argparse

from app.drivers.migrations import SQL_FOLDER
from tests.support.large_deployment import fill
from tests.support.mysql_server import provision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="bench_log")
    arguments = parser.parse_args()
    server = provision()
    schema = (SQL_FOLDER / "init.sql").read_text(encoding="utf-8")
    server.query(f"DROP DATABASE IF EXISTS `{arguments.database}`")
    server.query(schema.replace("`image_classifier`", f"`{arguments.database}`"))
    fill(server, arguments.database, rows=arguments.rows, images=arguments.images, seed=arguments.seed)


if __name__ == "__main__":
    main()
