"""What a call for many photos takes beside a call for one: check-cache/batch with 200 hashes, and check-cache.

    .venv/bin/python -m bench.batch [--images 100000] [--rounds 100] [--old CHECKOUT]

Real MySQL, one gunicorn worker, one connection, a known user, every hit durably recorded. The calls take turns, so that
what the machine does beside it slows both down; with `--old` those to another commit too.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex

import httpx

from app.models.batch_request import MAX_QUESTIONS
from bench.loads import fill, known_hashes, one_worker
from tests.support.mysql_server import provision
from tests.support.service_process import ROOT


def ask_one(client: httpx.Client, names: Sequence[str]) -> None:
    """Ask about the first of the photos."""
    client.post("/classify/check-cache", json={"image_hash": names[0]}).raise_for_status()


def ask_all(client: httpx.Client, names: Sequence[str]) -> None:
    """Ask about all of them in one call."""
    items = [{"image_hash": name} for name in names]
    client.post("/classify/check-cache/batch", json={"items": items}).raise_for_status()


def measure(ask: Callable[[httpx.Client, Sequence[str]], None], client: httpx.Client, names: Sequence[str]) -> float:
    """Return the milliseconds of a call."""
    started = time.perf_counter()
    ask(client, names)
    return (time.perf_counter() - started) * 1000


def compare(title: str, clients: Mapping[str, httpx.Client], names: Sequence[str], rounds: int) -> None:
    """Print one row of the table for each commit."""
    pairs: dict[str, list[tuple[float, float]]] = {commit: [] for commit in clients}
    for number in range(rounds):
        start = number * MAX_QUESTIONS % (len(names) - MAX_QUESTIONS)
        asked = names[start : start + MAX_QUESTIONS]
        for commit, client in clients.items():
            pairs[commit].append((measure(ask_one, client, asked[::-1]), measure(ask_all, client, asked)))
    for commit, times in pairs.items():
        one, many = (statistics.median(column) for column in zip(*times, strict=True))
        least = [min(column) for column in zip(*times, strict=True)]
        ratios = f"**{many / one:.1f}** | {least[1] / least[0]:.1f}"
        print(f"| {title}{commit} | {one:.1f} | {many:.1f} | {ratios} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--old", type=Path, help="a checkout of the commit to compare with")
    arguments = parser.parse_args()
    roots = {", old": arguments.old, ", new": ROOT} if arguments.old else {"": ROOT}
    with ExitStack() as stack:
        server = provision()
        stack.callback(server.stop)
        database = f"image_classifier_bench_{arguments.images}"
        fill(server, database, arguments.images)
        known = list(known_hashes(arguments.images))
        unknown = [token_hex(32) for _ in range(100 * MAX_QUESTIONS)]
        settings = server.settings(database)
        print(f"MySQL {server.version}, {arguments.images} cached images, {arguments.rounds} rounds\n")
        print("| 200 photos | one, ms | all, ms | medians | the quickest |\n| --- | --- | --- | --- | --- |")
        popular = known[: 20 * MAX_QUESTIONS]
        for memory, where in ((0, "no memory"), (10_000, "in memory")):
            clients = {}
            for commit, root in roots.items():
                worker = stack.enter_context(one_worker({**settings, "memory_cache_entries": memory}, root=root))
                client = httpx.Client(base_url=f"{worker.url}/api/v1", headers={"X-User-ID": "device-42"}, timeout=30)
                clients[commit] = stack.enter_context(client)
                for start in range(0, len(popular), MAX_QUESTIONS):  # warm
                    ask_all(client, popular[start : start + MAX_QUESTIONS])
            compare(f"all known, {where}", clients, popular, arguments.rounds)
            if memory:
                compare("none known", clients, unknown, arguments.rounds)


if __name__ == "__main__":
    main()
