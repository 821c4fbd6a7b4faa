"""What a cached answer costs a worker: its processor time per request, as a ratio to an empty application's.

    .venv/bin/python -m bench.processor_time [--old PATH] [--connections 64 256] [--rounds 7] [--only NAME]

Real MySQL, one gunicorn worker each, a known user, every hit durably recorded. `--old` names a checkout of another
commit, whose database is made by its own `sql/init.sql`: the same settings, the same virtual environment, the same run.
All take turns within each round, and the medians of the rounds' ratios count. Processor time is the worker's own, all
of its threads; that of its children and of MySQL is printed beside it. Needs `wrk` (Debian: apt-get install wrk).
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import nan
from pathlib import Path

from bench.loads import EMPTY, Load, fill, insert_photo, one_worker, require_wrk, send, write_loads
from bench.overhead import make_photo
from tests.support.mysql_server import MySQLServer, provision
from tests.support.service_process import ROOT, Service

_TICKS = os.sysconf("SC_CLK_TCK")
_QUIET_SECONDS = 0.05
_MAX_QUIET_WAITS = 100


@dataclass(frozen=True)
class Subject:
    """What is measured: a commit's service without and with its memory, or the empty application as both of them."""

    name: str
    plain: Service
    remembering: Service
    empty: bool = False

    def service(self, load: Load) -> Service:
        return self.remembering if load.remembering else self.plain

    def url(self, load: Load) -> str:
        return self.service(load).url + (load.empty_path if self.empty else load.path)


@dataclass(frozen=True)
class Cost:
    """Microseconds of processor time per request. MySQL's is NaN where its process is not on this machine."""

    worker: float
    children: float
    mysql: float
    requests_per_second: float


def measure(subject: Subject, load: Load, mysql: int | None, connections: int, seconds: int) -> Cost:
    """Send requests for so long and return what one of them cost."""
    (worker,) = _children(subject.service(load).process.pid)
    before = _readings(worker, mysql)
    answered = send(load.script, subject.url(load), connections, seconds)
    _wait_until_quiet(worker)
    after = _readings(worker, mysql)
    # A request was under way on each connection when wrk left. The worker has answered it all the same.
    requests = answered.requests + connections
    own, children, database = ((one - two) / requests * 1_000_000 for one, two in zip(after, before, strict=True))
    return Cost(own, children, database, answered.per_second)


def _readings(worker: int, mysql: int | None) -> tuple[float, float, float]:
    own, of_dead_children = cpu_seconds(worker)
    children = of_dead_children + sum(sum(cpu_seconds(pid)) for pid in descendants(worker))
    return own, children, cpu_seconds(mysql)[0] if mysql is not None else nan


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return the time of all of a process's threads, and that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    user, system, children_user, children_system = map(int, fields[11:15])
    return (user + system) / _TICKS, (children_user + children_system) / _TICKS


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text(encoding="ascii").split()]


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    return [each for child in _children(pid) for each in (child, *descendants(child))]


def _wait_until_quiet(worker: int) -> None:
    """Return when the worker has done what wrk left behind."""
    for _ in range(_MAX_QUIET_WAITS):
        before = cpu_seconds(worker)[0]
        time.sleep(_QUIET_SECONDS)
        if cpu_seconds(worker)[0] - before <= 1 / _TICKS:
            return
    raise RuntimeError("the worker is busy, and nobody asks anything of it")


def _worker(cost: Cost) -> float:
    return cost.worker


def _rate(cost: Cost) -> float:
    return cost.requests_per_second


def _ratio(costs: dict[str, list[Cost]], one: str, two: str, of: Callable[[Cost], float] = _worker) -> str:
    ratios = [of(a) / of(b) for a, b in zip(costs[one], costs[two], strict=True)]
    return f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} - {max(ratios):.2f})"


def compare(
    subjects: list[Subject], load: Load, mysql: int | None, connections: int, seconds: int, rounds: int
) -> None:
    """Print a row of the table for each commit. The last of the subjects is what the others are compared with."""
    costs: dict[str, list[Cost]] = {subject.name: [] for subject in subjects}
    for subject in subjects:
        send(load.script, subject.url(load), connections, 3)  # warm
    for number in range(rounds):
        # Every other round goes backwards: what changes slowly on the machine favours nobody.
        for subject in subjects if number % 2 == 0 else reversed(subjects):
            costs[subject.name].append(measure(subject, load, mysql, connections, seconds))
    *commits, empty = costs
    for name in commits:
        cells = [
            f"{statistics.median(values):.0f}"
            for values in (
                [cost.worker for cost in costs[name]],
                [cost.worker for cost in costs[empty]],
                [cost.children for cost in costs[name]],
                [cost.mysql for cost in costs[name]],
            )
        ]
        compared = name == "new" and "old" in costs
        last = [_ratio(costs, "new", "old", of) if compared else "" for of in (_worker, _rate)]
        row = [load.title, str(connections), name, *cells, _ratio(costs, name, empty), *last]
        print(f"| {' | '.join(row)} |", flush=True)


def describe_machine() -> str:
    """Return the processor, how many there are, and how busy they are."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def mysql_pid(server: MySQLServer) -> int | None:
    """Return the server's process, where it is one of this machine."""
    ((path,),) = server.query("SELECT @@pid_file")
    file = Path(str(path))
    return int(file.read_text(encoding="ascii")) if file.is_absolute() and file.exists() else None


def _start(stack: ExitStack, name: str, root: Path, server: MySQLServer, images: int, photo: bytes) -> Subject:
    database = f"image_classifier_bench_{images}_{name}"
    fill(server, database, images, root)
    insert_photo(server, database, photo)
    settings = server.settings(database)
    plain = stack.enter_context(one_worker({**settings, "memory_cache_entries": 0}, root=root))
    return Subject(name, plain, stack.enter_context(one_worker(settings, root=root)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="a checkout of the commit to compare with")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["hit", "memory", "miss", "upload"], nargs="+")
    arguments = parser.parse_args()
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        photo = make_photo()
        loads = write_loads(folder, arguments.images, photo)
        roots = {"new": ROOT} | ({"old": arguments.old.resolve()} if arguments.old else {})
        subjects = [_start(stack, name, root, server, arguments.images, photo) for name, root in roots.items()]
        empty = stack.enter_context(one_worker({}, EMPTY))
        subjects.append(Subject("empty", empty, empty, empty=True))
        data = f"MySQL {server.version}, {arguments.images} cached images, {arguments.rounds} rounds"
        print(f"{describe_machine()}; {data}")
        print("Processor time in microseconds per request; ratios are medians of the rounds, with their range.\n")
        print(
            "| what | connections | commit | worker | empty route | children | MySQL | to the empty route | new/old "
            "| requests a second, new/old |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for name in arguments.only or loads:
            for connections in arguments.connections:
                compare(subjects, loads[name], mysql_pid(server), connections, arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
