"""What reading from a replica is worth: check-cache of several processes, with it and without it.

    .venv/bin/python -m bench.replicas [--images 100000] [--processes 2] [--connections 64] [--seconds 3] [--rounds 5]

A real primary and a replica of it with ordinary replication (GTIDs), two gunicorns with the same number of workers and
no memory of their own, a known user, every hit durably recorded. They take turns as in bench.redis, and what counts is
the processor time of the primary: where all of them share one machine, throughput says nothing about a second one's.
Needs `wrk` (Debian: apt-get install wrk).
"""

import argparse
import secrets
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.loads import fill, hash_script, known_hashes, require_wrk, some_workers
from bench.processor_time import describe_machine, mysql_pid
from bench.redis import Contender, batch_script, measure
from tests.support.mysql_server import MySQLServer, provision_private

_GTID = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-bin=binlog")
_PATH = "/api/v1/classify/check-cache"


def follow(replica: MySQLServer, primary: MySQLServer) -> None:
    """Let the replica have all that the primary has, and go on following it."""
    replica.query(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_USER = 'root', SOURCE_PASSWORD = '', "
        f"SOURCE_PORT = {primary.port}, SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA"
    )
    ((gtids,),) = primary.query("SELECT @@GLOBAL.gtid_executed")
    while replica.query(f"SELECT GTID_SUBSET('{gtids}', @@GLOBAL.gtid_executed)") != [(1,)]:
        time.sleep(0.5)


def show_use(url: str) -> None:
    """Print what became of the look-ups on the replica, for an honest reading."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    print("", *(line for line in lines if line.startswith("image_classifier_replica_")), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        primary, replica = (provision_private(f"--server-id={number}", *_GTID) for number in (1, 2))
        stack.callback(primary.stop)
        stack.callback(replica.stop)
        database = f"image_classifier_bench_{arguments.images}"
        fill(primary, database, arguments.images)
        follow(replica, primary)
        settings = {**primary.settings(database), "memory_cache_entries": 0}
        reading = {**settings, "mysql_read_hosts": f"{replica.host}:{replica.port}"}
        with_replica = stack.enter_context(some_workers(arguments.processes, reading))
        without = stack.enter_context(some_workers(arguments.processes, settings))
        pids = [pid for server in (primary, replica) if (pid := mysql_pid(server)) is not None]
        print(f"{describe_machine()}; MySQL {primary.version}, {arguments.images} images\n")
        print(
            "| what | with a replica, requests/s | without | ratios | median "
            "| processor us: workers + primary + replica | workers + primary | ratio of all |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |"
        )
        pair = [Contender(with_replica, pids), Contender(without, pids[:1])]
        hashes = list(known_hashes(arguments.images))
        unknown = [secrets.token_hex(32) for _ in hashes]
        measure("hit", hash_script(folder, "known", hashes), _PATH, pair, arguments)
        measure("miss", hash_script(folder, "unknown", unknown), _PATH, pair, arguments)
        few = argparse.Namespace(**{**vars(arguments), "connections": arguments.connections // 8})
        measure("50 hits at once", batch_script(folder, hashes), f"{_PATH}/batch", pair, few)
        show_use(with_replica.url)


if __name__ == "__main__":
    main()
