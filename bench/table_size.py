"""How the cost of a cached answer grows with the table: throughput at each size, as a ratio to that at the smallest.

    .venv/bin/python -m bench.table_size [--images 10000 1000000 5000000] [--buffer-pool-mb 4096] [--rounds 5]

One worker for each size, all on one MySQL server, in turns; 100,000 images of each table (or all) asked for uniformly,
nothing kept in memory by the service, every hit durably recorded. MySQL's default buffer pool of 128 MiB holds some
300,000 images: what does not fit is read from the disk, and that would be all that is measured.
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.loads import fill, hash_script, known_hashes, one_worker, require_wrk, send
from tests.support.mysql_server import MySQLServer, provision

_CONNECTIONS = 64
_INDEXES = {"PRIMARY": "description", "uk_image_hash": "image_hash", "idx_hit_scale": "hit_scale"}
"""Those that a hit reads or changes, each with a column that makes the server read all of it."""


def _read_into_memory(server: MySQLServer, database: str) -> None:
    for index, column in _INDEXES.items():
        server.query(f"SELECT COUNT({column}) FROM image_classification_cache FORCE INDEX ({index})", database)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 1_000_000, 5_000_000])
    parser.add_argument("--buffer-pool-mb", type=int, default=4096)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        ((before,),) = server.query("SELECT @@innodb_buffer_pool_size")
        server.query(f"SET GLOBAL innodb_buffer_pool_size = {arguments.buffer_pool_mb * 1024 * 1024}")
        stack.callback(server.query, f"SET GLOBAL innodb_buffer_pool_size = {before}")
        scripts: dict[str, Path] = {}
        for images in arguments.images:
            fill(server, f"image_classifier_bench_{images}", images)
            _read_into_memory(server, f"image_classifier_bench_{images}")
            settings = server.settings(f"image_classifier_bench_{images}")
            service = stack.enter_context(one_worker({**settings, "memory_cache_entries": 0}))
            asked = hash_script(folder, str(images), known_hashes(images))
            scripts[service.url + "/api/v1/classify/check-cache"] = asked
        for url, script in scripts.items():
            send(script, url, _CONNECTIONS, 2)  # warm
        rounds = [
            [send(script, url, _CONNECTIONS, arguments.seconds).per_second for url, script in scripts.items()]
            for _ in range(arguments.rounds)
        ]
        print("| cached images | requests/s | ratios | median |\n| --- | --- | --- | --- |")
        for place, images in enumerate(arguments.images):
            ratios = [round_[place] / round_[0] for round_ in rounds]
            rate = statistics.median(round_[place] for round_ in rounds)
            spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
            print(f"| {images} | {rate:.0f} | {spread} | **{statistics.median(ratios):.2f}** |")


if __name__ == "__main__":
    main()
