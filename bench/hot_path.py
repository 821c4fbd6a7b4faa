"""How fast the cached answers are: throughput as a ratio to an empty application on the same server, with one worker.

    .venv/bin/python -m bench.hot_path [--images 100000] [--connections 64] [--seconds 4] [--rounds 5] [--only NAME]

Real MySQL, one gunicorn worker each, a known user, every hit durably recorded. The pairs take turns within each round,
and the median of the rounds' ratios counts. Needs `wrk` (Debian: apt-get install wrk). What the machine does beside it
counts too: `bench.processor_time` measures what the worker itself takes.
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.loads import EMPTY, Load, fill, insert_photo, one_worker, require_wrk, send, write_loads
from bench.overhead import make_photo
from tests.support.mysql_server import provision


def compare(load: Load, ours: str, empty: str, connections: int, seconds: int, rounds: int) -> None:
    """Print one row of the table."""
    our_url, empty_url = ours + load.path, empty + load.empty_path
    send(load.script, our_url, connections, 5), send(load.script, empty_url, connections, 1)  # warm
    pairs = [
        [send(load.script, url, connections, seconds).per_second for url in (our_url, empty_url)] for _ in range(rounds)
    ]
    ratios = [one / two for one, two in pairs]
    one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
    spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
    print(
        f"| {load.title} | {connections} | {one:.0f} | {two:.0f} | {spread} | **{statistics.median(ratios):.2f}** |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[64])
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["hit", "memory", "miss", "upload"], nargs="+")
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        database = f"image_classifier_bench_{arguments.images}"
        photo = make_photo()
        fill(server, database, arguments.images)
        insert_photo(server, database, photo)
        loads = write_loads(folder, arguments.images, photo)
        settings = server.settings(database)
        empty = stack.enter_context(one_worker({}, EMPTY))
        plain = stack.enter_context(one_worker({**settings, "memory_cache_entries": 0}))
        remembering = stack.enter_context(one_worker(settings))
        print(f"MySQL {server.version}, {arguments.images} cached images, {arguments.rounds} rounds\n")
        print(
            "| what | connections | requests/s | empty route's | ratios | median |\n"
            "| --- | --- | --- | --- | --- | --- |"
        )
        for name in arguments.only or loads:
            ours = remembering if loads[name].remembering else plain
            for connections in arguments.connections:
                compare(loads[name], ours.url, empty.url, connections, arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
