"""Photos made to hold or to fill the service, against it as deployed: others hardly notice."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.factories import make_image
from tests.support.crafted_images import flat_webp, jpeg_of_scans, jpeg_of_segments
from tests.support.service_process import GUNICORN, Service, running_service

GROUPS = Path("/sys/fs/cgroup/memory")
LIMIT_BYTES = 2 * 1024**3
HASH = "0" * 64
CLIENT = httpx.Client(timeout=60, verify=False, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0))
"""One for all threads, a connection for each request. `httpx.post` reads all certificates first: 19 ms of processor
time, which would be measured as the service's."""


@contextmanager
def group_of_memory(limit: int) -> Iterator[Path | None]:
    """Make a control group with a limit where that is possible; None elsewhere."""
    group = GROUPS / f"image-classifier-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(limit))
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        with suppress(OSError):
            group.rmdir()


def family_of(process: int) -> set[int]:
    found, new = set(), [process]
    while new:
        parent = new.pop()
        found.add(parent)
        with suppress(OSError):
            new += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return found


def proportional_bytes(processes: set[int]) -> int:
    total = 0
    for process in processes:
        with suppress(OSError):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) * 1024 if line.startswith("Pss:") else 0
    return total


class Memory:
    """Watches how much memory a process and all below it take together; pages that they share count once."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.most = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            self.most = max(self.most, proportional_bytes(family_of(self.process)))


def upload(service: Service, image: bytes) -> tuple[int, float]:
    started = time.monotonic()
    answer = CLIENT.post(f"{service.url}/api/v1/classify", files={"image": image})
    return answer.status_code, time.monotonic() - started


def look_up(service: Service) -> tuple[int, float]:
    started = time.monotonic()
    answer = CLIENT.post(f"{service.url}/api/v1/classify/check-cache", json={"image_hash": HASH})
    return answer.status_code, time.monotonic() - started


class Others:
    """Ordinary users: they look up and upload, one request after the other, until the end of the block."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.uploads: list[tuple[int, float]] = []
        self.lookups: list[tuple[int, float]] = []
        self._end = threading.Event()

    def __enter__(self) -> "Others":
        self._threads = [
            threading.Thread(target=self._repeat, args=(results, call))
            for results, call in ((self.uploads, self._upload), (self.lookups, lambda: look_up(self.service)))
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _upload(self) -> tuple[int, float]:
        return upload(self.service, PHOTO + os.urandom(8))

    def _repeat(self, results: list[tuple[int, float]], call: Callable[[], tuple[int, float]]) -> None:
        while not self._end.is_set():
            results.append(call())

    def report(self, name: str) -> None:
        for kind, results in (("uploads", self.uploads), ("lookups", self.lookups)):
            slowest = max(seconds for _, seconds in results)
            print(f"{name}: {len(results)} {kind}, the slowest {slowest:.2f} s")  # noqa: T201


PHOTO = make_image("JPEG", size=(1600, 1200))


def attack(service: Service, images: list[bytes]) -> tuple[list[tuple[int, float]], Others]:
    """Send all images at once, while others use the service."""
    with Others(service) as others, ThreadPoolExecutor(len(images)) as attackers:
        answers = list(attackers.map(lambda image: upload(service, image), images))
    return answers, others


@pytest.fixture
def folder_in_memory(tmp_path: Path) -> Iterator[Path]:
    """For the database: a disk that others use would be measured too."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def service(folder_in_memory: Path) -> Iterator[Service]:
    with running_service(folder_in_memory, GUNICORN, web_concurrency=2) as started:
        yield started


def most_scans(count: int) -> list[bytes]:
    """As many scans and pixels as are admitted, so that they are decoded after all."""
    return [jpeg_of_scans(20, (8600, 5800)) + bytes([n]) for n in range(count)]


CRAFTED: dict[str, tuple[Callable[[], list[bytes]], set[int]]] = {
    "four JPEGs of 3 MB and thousands of scans": (
        lambda: [jpeg_of_scans(43_000 * 3, (4000, 3000)) + bytes([n]) for n in range(4)],
        {400},
    ),
    "eight JPEGs of as many scans as are admitted": (lambda: most_scans(8), {200}),
    "four JPEGs of 10 MB of small segments": (
        lambda: [jpeg_of_segments(940_000) + bytes([n]) for n in range(4)],
        {400},
    ),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_others_hardly_notice_a_crafted_photo(service: Service, name: str) -> None:
    images, expected = CRAFTED[name]
    sent = images()

    answers, others = attack(service, sent)

    print(f"{name}: {len(sent[0]) // 1000} KB, answered after {max(s for _, s in answers):.2f} s")  # noqa: T201
    others.report(name)
    assert {status for status, _ in answers} == expected
    assert {status for status, _ in others.uploads} == {200}
    assert {status for status, _ in others.lookups} == {200}
    assert max(seconds for _, seconds in others.uploads) < 2
    assert max(seconds for _, seconds in others.lookups) < 1


def test_many_bombs_at_once_kill_nothing_within_two_gigabytes(folder_in_memory: Path) -> None:
    bombs = [flat_webp((6000, 4000)) + bytes([n]) for n in range(64)]
    with group_of_memory(LIMIT_BYTES) as group:
        enter = ["/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"] if group else []
        # Without a group the service cannot know of the limit.
        settings = {"web_concurrency": 4, "image_decode_memory_mb": 0 if group else 800}
        with running_service(folder_in_memory, [*enter, *GUNICORN], **settings) as service:
            while service.printed().count("INFO    started ") < 4:
                time.sleep(0.05)
            workers = family_of(service.process.pid)
            with Memory(service.process.pid) as memory:
                answers, others = attack(service, bombs)

            statuses = [status for status, _ in answers]
            others.report("64 bombs")
            print(f"{statuses.count(200)} decoded, {statuses.count(503)} refused, at most {memory.most >> 20} MiB")  # noqa: T201
            if group:
                assert "oom_kill 0" in (group / "memory.oom_control").read_text()
            assert workers <= family_of(service.process.pid)
            assert memory.most < LIMIT_BYTES
            assert set(statuses) <= {200, 503}
            assert statuses.count(200) > 16
            assert {status for status, _ in others.uploads + others.lookups} == {200}
            assert max(seconds for _, seconds in others.uploads + others.lookups) < 1
