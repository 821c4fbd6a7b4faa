"""Decoding in processes that can be ended: each picture's limits hold, and nothing is left behind."""

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from app.errors import ImageTooManyPixels, InvalidImage, Overloaded, UnsupportedFormat
from app.observe.metrics import Metrics
from app.services.images.decoding_pool import DecodingPool
from app.services.images.decoding_process import KilledForTime
from app.services.images.decoding_server import DecodingServer
from app.services.images.memory_budget import UNIT_BYTES, MemoryBudget
from app.services.images.preparer import ImagePreparer
from app.services.images.wire import Job
from app.utils.deadline import Deadline
from app.utils.image_utils import enable_heif, prepare_image
from tests.factories import make_image, save_image
from tests.support.crafted_images import flat_webp, jpeg_of_scans
from tests.support.service_process import ROOT
from tests.support.waiting import until

enable_heif()
JOB = Job(("AVIF", "GIF", "HEIF", "JPEG", "PNG", "WEBP"), 50_000_000, 512, cpu_seconds=5, wall_seconds=5)
LARGE = 500 * 1024 * 1024
PHOTO = make_image("JPEG")


def pool_on(server: DecodingServer, *, places: int = 2, queue_length: int = 64, memory: int = LARGE) -> DecodingPool:
    return DecodingPool(server, MemoryBudget(memory), places=places, queue_length=queue_length)


def children_of(process: int) -> list[int]:
    return [int(child) for child in read(process, f"task/{process}/children").split()]


def read(process: int, name: str) -> str:
    return Path(f"/proc/{process}/{name}").read_text()


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def is_there(process: int) -> bool:
    try:
        return "State:\tZ" not in read(process, "status")
    except OSError:
        return False


async def prepare(pool: DecodingPool, data: bytes, job: Job = JOB, seconds: float = 20) -> tuple[int, int]:
    prepared = await pool.prepare(job, data, Deadline.after(seconds))
    return prepared.fingerprint.width, prepared.fingerprint.height


@pytest.fixture
async def server() -> AsyncIterator[DecodingServer]:
    """One of the test's own, to be damaged."""
    started = DecodingServer(frozenset(JOB.formats))
    started.start()
    yield started
    await started.close()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF"])
async def test_every_format_is_prepared(decoders: DecodingServer, image_format: str) -> None:
    photo = make_image(image_format)

    prepared = await pool_on(decoders).prepare(JOB, photo, Deadline.after(20))

    assert prepared.jpeg.startswith(b"\xff\xd8")
    assert prepared == prepare_image(photo, JOB.limits, JOB.max_side)
    assert (prepared.fingerprint.width, prepared.fingerprint.height) == (320, 240)


async def test_the_size_is_the_originals_and_upright(decoders: DecodingServer) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = save_image(Image.new("RGB", (3000, 2000)), "JPEG", exif=exif)

    assert await prepare(pool_on(decoders), photo) == (2000, 3000)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"no image", UnsupportedFormat),
        (PHOTO[:3000], InvalidImage),
        (flat_webp((6000, 4001)), ImageTooManyPixels),
        (jpeg_of_scans(5000), InvalidImage),
    ],
)
async def test_what_cannot_be_prepared_is_refused_as_it_would_be_here(
    decoders: DecodingServer, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await prepare(pool_on(decoders), data)


async def test_fifty_pictures_at_once_are_all_prepared_and_leave_nothing(server: DecodingServer) -> None:
    pool = pool_on(server)
    await asyncio.gather(*(prepare(pool, PHOTO) for _ in range(4)))
    files = len(os.listdir("/proc/self/fd"))

    sizes = await asyncio.gather(*(prepare(pool, make_image("PNG", size=(100 + n, 50))) for n in range(50)))

    assert sizes == [(100 + n, 50) for n in range(50)]
    assert (pool.busy, pool.waiting, server.processes) == (0, 0, 2)
    assert len(os.listdir("/proc/self/fd")) == files
    assert server.process_id is not None
    assert len(children_of(server.process_id)) == 2
    assert len(os.listdir(f"/proc/{server.process_id}/fd")) < 8


async def test_the_process_of_a_large_picture_ends_and_its_memory_with_it(server: DecodingServer) -> None:
    pool = pool_on(server)

    await prepare(pool, flat_webp((6000, 4000)))

    await until(lambda: server.processes == 0)


async def test_a_process_that_died_idle_is_replaced(server: DecodingServer) -> None:
    pool = pool_on(server)
    await prepare(pool, PHOTO)
    assert server.process_id is not None
    (idle,) = children_of(server.process_id)

    os.kill(idle, signal.SIGKILL)
    await until(lambda: server.processes == 0)

    assert await prepare(pool, PHOTO) == (320, 240)


async def test_a_picture_over_its_time_is_refused_and_the_next_is_prepared(decoders: DecodingServer) -> None:
    metrics, pool = Metrics(), pool_on(decoders)
    impatient = Job(JOB.formats, JOB.max_pixels, 512, cpu_seconds=0.05, wall_seconds=5)

    with pytest.raises(KilledForTime):
        await ImagePreparer(pool, impatient, metrics).prepare(flat_webp((6000, 4000)), Deadline.after(20))

    assert metrics.images_killed.tallies[("time",)] == 1
    assert metrics.images_rejected.tallies == {("invalid_image",): 1}
    assert await prepare(pool, PHOTO) == (320, 240)


async def test_a_picture_may_take_little_more_than_it_is_judged_to(server: DecodingServer) -> None:
    pool = pool_on(server)
    await prepare(pool, PHOTO)
    assert server.process_id is not None
    (child,) = children_of(server.process_id)

    limit = re.search(r"Max data size +(\d+) ", read(child, "limits"))

    assert limit is not None
    assert int(limit[1]) < 100 * 1024 * 1024


async def test_a_picture_over_its_memory_is_refused_and_the_next_is_prepared(server: DecodingServer) -> None:
    assert server.process_id is not None
    metrics, pool = Metrics(), pool_on(server)
    large = save_image(Image.new("L", (6000, 4000)), "PNG", compress_level=1)
    resource.prlimit(server.process_id, resource.RLIMIT_DATA, (80 * 1024 * 1024, 80 * 1024 * 1024))

    with pytest.raises(InvalidImage):
        await ImagePreparer(pool, JOB, metrics).prepare(large, Deadline.after(20))

    assert metrics.images_killed.tallies[("memory",)] == 1
    assert await prepare(pool, PHOTO) == (320, 240)


async def test_a_process_that_is_killed_from_outside_is_not_the_pictures_fault(server: DecodingServer) -> None:
    pool = pool_on(server)
    await prepare(pool, PHOTO)
    program = server.process_id
    assert program is not None
    slow = asyncio.create_task(prepare(pool, flat_webp((6000, 4000))))
    await until(lambda: pool.busy == 1)

    for child in children_of(program):
        os.kill(child, signal.SIGKILL)

    with pytest.raises(Overloaded):
        await slow
    assert await prepare(pool, PHOTO) == (320, 240)


async def test_a_program_that_is_killed_takes_its_processes_along_and_is_started_again(server: DecodingServer) -> None:
    pool = pool_on(server)
    await prepare(pool, PHOTO)
    program = server.process_id
    assert program is not None
    slow = asyncio.create_task(prepare(pool, flat_webp((6000, 4000))))
    await until(lambda: pool.busy == 1)
    children = children_of(program)

    os.kill(program, signal.SIGKILL)

    with pytest.raises(Overloaded):
        await slow
    await until(lambda: not any(is_there(process) for process in [program, *children]))

    async def answered() -> bool:
        try:
            return await prepare(pool, PHOTO) == (320, 240)
        except Overloaded:
            return False

    while not await answered():  # it is not started again more than once a second
        await asyncio.sleep(0.05)
    assert server.process_id not in (None, program)


WORKER = """
import asyncio, sys
from app.services.images.decoding_process import KilledForTime
from app.services.images.decoding_server import DecodingServer
from tests.integration.test_decoding import *
async def main():
    server = DecodingServer(frozenset(JOB.formats))
    server.start()
    slow = asyncio.create_task(prepare(pool_on(server), flat_webp((6000, 4000))))
    await until(lambda: children_of(server.process_id) != [])
    print(server.process_id, *children_of(server.process_id), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_processes_end_with_their_worker_even_if_it_is_killed() -> None:
    with start(WORKER) as worker:
        assert worker.stdout is not None
        processes = [int(text) for text in (await asyncio.to_thread(worker.stdout.readline)).split()]
        assert len(processes) == 2
        worker.kill()

    await until(lambda: not any(is_there(process) for process in processes))


async def test_signals_to_the_group_do_not_reach_a_picture(server: DecodingServer) -> None:
    pool = pool_on(server)
    await prepare(pool, PHOTO)
    program = server.process_id
    assert program is not None

    for process in [program, *children_of(program)]:
        ignored = int(re.search(r"SigIgn:\s+(\w+)", read(process, "status"))[1], 16)  # type: ignore[index]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            assert ignored & 1 << number - 1
            os.kill(process, number)

    assert await prepare(pool, PHOTO) == (320, 240)
    assert server.process_id == program
    assert os.getpgid(program) != os.getpgid(0)


async def test_a_process_has_nothing_of_its_worker(server: DecodingServer) -> None:
    pool = pool_on(server)
    await prepare(pool, PHOTO)
    program = server.process_id
    assert program is not None
    slow = asyncio.create_task(prepare(pool, flat_webp((6000, 4000))))
    await until(lambda: pool.busy == 1)
    (child,) = children_of(program)

    limits, names, files = read(child, "limits"), read(child, "environ"), os.listdir(f"/proc/{child}/fd")
    sockets = [fd for fd in files if os.readlink(f"/proc/{child}/fd/{fd}").startswith("socket:")]

    assert [name.split("=")[0] for name in names.split("\0")] in (["PYTHONPATH", ""], ["PYTHONPATH", "LC_CTYPE", ""])
    assert len(sockets) == 1  # its own; the program's stays behind
    assert {"1", "2", *sockets} == set(files)
    assert [line.split()[4] for line in limits.splitlines() if line.startswith(("Max file size", "Max core"))] == [
        "0"
    ] * 2
    await slow


async def test_a_full_queue_answers_at_once(server: DecodingServer) -> None:
    pool = pool_on(server, places=1, queue_length=1)
    slow = [asyncio.create_task(prepare(pool, flat_webp((3000, 2000)))) for _ in range(2)]
    await asyncio.sleep(0)  # both are in

    assert pool.waiting == 1
    with pytest.raises(Overloaded):
        await prepare(pool, PHOTO)

    await asyncio.gather(*slow)


async def test_work_whose_deadline_has_passed_is_dropped(server: DecodingServer) -> None:
    pool = pool_on(server, places=1)
    slow = asyncio.create_task(prepare(pool, flat_webp((6000, 4000))))
    await until(lambda: pool.busy == 1)

    with pytest.raises(Overloaded, match="in time"):
        await prepare(pool, PHOTO, seconds=0.05)

    await slow
    assert pool.waiting == 0


async def test_a_caller_who_leaves_ends_the_process_and_frees_its_place(server: DecodingServer) -> None:
    pool = pool_on(server, places=1)
    await prepare(pool, PHOTO)
    caller = asyncio.create_task(prepare(pool, flat_webp((6000, 4000))))
    await until(lambda: pool.busy == 1)

    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    await until(lambda: pool.busy == 0)
    assert await prepare(pool, PHOTO) == (320, 240)


async def test_small_pictures_do_not_wait_for_large_ones(server: DecodingServer) -> None:
    pool = pool_on(server, places=2, memory=4 * LARGE)
    large = [asyncio.create_task(prepare(pool, flat_webp((6000, 4000)))) for _ in range(4)]
    await until(lambda: pool.busy == 2)

    assert await prepare(pool, PHOTO) == (320, 240)

    assert not all(task.done() for task in large)
    await asyncio.gather(*large)


async def test_however_many_large_pictures_wait_small_ones_find_the_queue_empty(server: DecodingServer) -> None:
    budget = MemoryBudget(LARGE)
    taken = budget.try_take(LARGE)
    assert taken is not None
    pool = DecodingPool(server, budget, places=2, queue_length=4)
    large = [asyncio.create_task(prepare(pool, flat_webp((4000, 4000)))) for _ in range(6)]
    await until(lambda: sum(task.done() for task in large) == 4)
    refused = [task for task in large if task.done()]

    sizes = await asyncio.gather(*(prepare(pool, PHOTO) for _ in range(6)))

    assert pool.waiting == 2
    assert sizes == [(320, 240)] * 6
    assert {type(task.exception()) for task in refused} == {Overloaded}
    budget.give_back(taken)
    assert await asyncio.gather(*(task for task in large if task not in refused)) == [(4000, 4000)] * 2
    await until(lambda: (pool.busy, pool.waiting) == (0, 0))


async def test_large_pictures_are_decoded_one_after_the_other_where_memory_is_short(server: DecodingServer) -> None:
    budget = MemoryBudget(LARGE)
    pool = DecodingPool(server, budget, places=4, queue_length=64)
    large = asyncio.gather(*(prepare(pool, flat_webp((4000, 4000))) for _ in range(4)))
    held = set()

    while not large.done():
        held.add(budget.held_bytes)
        await asyncio.sleep(0.001)

    assert await large == [(4000, 4000)] * 4
    assert max(held) <= LARGE
    await until(lambda: budget.held_bytes == 0)


async def test_processes_share_the_memory_and_the_dead_give_it_back(tmp_path: Path) -> None:
    mine = MemoryBudget(4 * UNIT_BYTES, tmp_path / "lock")
    script = (
        "import sys; from pathlib import Path; from app.services.images.memory_budget import *;"
        "b = MemoryBudget(4 * UNIT_BYTES, Path(sys.argv[1])); print(b.try_take(3 * UNIT_BYTES), flush=True); input()"
    )
    with start(script, str(tmp_path / "lock")) as other:
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == "[0, 1, 2]\n"

        assert mine.try_take(2 * UNIT_BYTES) is None
        assert mine.held_bytes == 0
        assert mine.try_take(UNIT_BYTES) == [3]
        other.kill()

    units = mine.try_take(3 * UNIT_BYTES)
    assert units == [0, 1, 2]
    mine.give_back(units)
    assert mine.try_take(9 * UNIT_BYTES) is None
    mine.give_back([3])
    assert mine.try_take(9 * UNIT_BYTES) == [0, 1, 2, 3]  # more than there is: all of it
    mine.close()
