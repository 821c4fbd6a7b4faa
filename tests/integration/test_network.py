"""The embedded network runs in processes of its own, which can be ended; nobody else pays for it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from app.errors import Overloaded
from app.models.domain import Category
from app.models.verdict import Verdict
from app.observe.metrics import Metrics
from app.services.network import wire
from app.services.network.build import NetworkServer, network_places, open_network
from app.services.network.errors import NetworkFailed
from app.services.network.photo_net import PhotoNet
from app.services.network.pool import NetworkPool, network_server
from app.utils.deadline import Deadline
from tests.conftest import SAMPLES
from tests.factories import save_image
from tests.support.service_process import ROOT
from tests.support.waiting import until

CAT = save_image(Image.open(SAMPLES / "cat.png").convert("RGB"), "JPEG")
LARGE = save_image(Image.effect_noise((4096, 4096), 80).convert("RGB"), "JPEG", quality=50)
"""Takes a third of a second, which leaves time to disturb it."""


@pytest.fixture
async def server() -> AsyncIterator[NetworkServer]:
    started = network_server()
    started.start()
    yield started
    await started.close()


def pool_on(server: NetworkServer, places: int = 2, queue_length: int = 8) -> NetworkPool:
    return NetworkPool(server, places=places, queue_length=queue_length)


def children_of(process: int) -> list[int]:
    return [int(child) for child in read(process, f"task/{process}/children").split()]


def read(process: int, name: str) -> str:
    return Path(f"/proc/{process}/{name}").read_text()


async def see(pool: NetworkPool, jpeg: bytes = CAT, seconds: float = 30) -> Verdict:
    return await pool.see(jpeg, Deadline.after(seconds))


async def disturbed(server: NetworkServer, pool: NetworkPool) -> asyncio.Task[Verdict]:
    """Return the question about a large picture, once a process works on it."""
    question = asyncio.create_task(see(pool, LARGE))
    await until(lambda: server.process_id is not None and len(children_of(server.process_id)) == 1)
    return question


async def test_a_process_answers_as_the_network_does_here_and_is_kept_for_the_next_picture(
    server: NetworkServer,
) -> None:
    pool, net = pool_on(server), PhotoNet.load()

    verdicts = [await see(pool) for _ in range(3)]

    here = net.see_jpeg(CAT)
    assert verdicts == [verdicts[0]] * 3
    assert verdicts[0].probabilities == here.probabilities
    assert (verdicts[0].faces, verdicts[0].looks_like, verdicts[0].group) == (1, "Egyptian cat", "pets")
    assert server.processes == 1


def test_a_verdict_arrives_as_it_was_sent() -> None:
    verdict = PhotoNet.load().see_jpeg(CAT)

    assert wire.unpack_verdict(wire.pack_verdict(verdict)) == verdict


async def test_pictures_beyond_the_places_wait_and_beyond_the_queue_fail_at_once(server: NetworkServer) -> None:
    pool = pool_on(server, places=1, queue_length=1)
    both = [asyncio.create_task(see(pool)) for _ in range(2)]
    await until(lambda: pool.waiting == 1)

    with pytest.raises(Overloaded):
        await see(pool)

    assert [verdict.category for verdict in await asyncio.gather(*both)] == [Category.PETS] * 2
    assert server.processes == 1


async def test_a_picture_that_takes_too_long_is_given_up_and_the_next_is_answered(server: NetworkServer) -> None:
    pool = pool_on(server)
    await see(pool)

    with pytest.raises(NetworkFailed):
        await see(pool, LARGE, seconds=0.05)

    await until(lambda: server.processes == 0)
    assert (await see(pool)).category is Category.PETS


async def test_what_is_no_picture_fails_and_the_next_is_answered(server: NetworkServer) -> None:
    pool = pool_on(server)

    with pytest.raises(NetworkFailed):
        await see(pool, b"no picture")

    assert (await see(pool)).category is Category.PETS


async def test_a_process_that_is_killed_fails_its_picture_and_the_next_is_answered(server: NetworkServer) -> None:
    pool = pool_on(server)
    question = await disturbed(server, pool)
    assert server.process_id is not None

    for child in children_of(server.process_id):
        os.kill(child, signal.SIGKILL)

    with pytest.raises(NetworkFailed):
        await question
    assert (await see(pool)).category is Category.PETS


async def test_a_program_that_is_killed_is_started_again(server: NetworkServer) -> None:
    pool = pool_on(server)
    await see(pool)
    program = server.process_id
    assert program is not None

    os.kill(program, signal.SIGKILL)
    await until(lambda: server.process_id is None)

    async def answered() -> bool:
        try:
            return (await see(pool)).category is Category.PETS
        except NetworkFailed:
            return False

    while not await answered():  # it is not started again more than once a second
        await asyncio.sleep(0.05)
    assert server.process_id not in (None, program)


async def test_a_caller_who_leaves_ends_the_process(server: NetworkServer) -> None:
    question = await disturbed(server, pool_on(server))

    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question

    await until(lambda: server.processes == 0)


async def test_the_network_gets_one_thread_and_no_key_and_may_write_no_file(server: NetworkServer) -> None:
    await see(pool_on(server))
    program = server.process_id
    assert program is not None
    (child,) = children_of(program)

    environment, limits = read(child, "environ").split("\0"), read(child, "limits").splitlines()

    assert {name.split("=")[0] for name in environment} - {"LC_CTYPE", ""} == {
        "PYTHONPATH",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
    }
    assert [os.listdir(f"/proc/{process}/task") for process in (program, child)] == [[str(program)], [str(child)]]
    assert [line.split()[4] for line in limits if line.startswith("Max file size")] == ["0"]


async def test_nothing_is_started_where_the_network_is_not_used() -> None:
    untouched = network_server()

    async with open_network(False, 1, Metrics(), untouched) as pool:
        assert pool is None

    assert untouched.process_id is None


IMPORTED = """
import asyncio, json, sys
from app.config import Settings
from app.container import open_container
from app.main import app
async def main():
    settings = Settings(_env_file=None, **json.loads(sys.argv[1]))
    async with open_container(settings):
        print("numpy" in sys.modules)
asyncio.run(main())
"""


@pytest.mark.parametrize("provider", [{"llm_provider": "local"}, {"llm_api_key": "k"}], ids=["local", "a vendor"])
def test_no_worker_imports_numpy_whatever_its_provider(provider: dict[str, str], tmp_path: Path) -> None:
    settings = {**provider, "sqlite_path": str(tmp_path / "c.db"), "spool_dir": str(tmp_path / "spool")}

    assert run(IMPORTED, json.dumps(settings)).splitlines()[-1] == "False"


def test_the_decoding_program_imports_no_numpy() -> None:
    assert run("import sys, app.services.images.decoding_program; print('numpy' in sys.modules)").strip() == "False"


def test_the_network_needs_nothing_of_the_rest_of_the_service() -> None:
    names = run(
        "import sys, app.services.network.program\n"
        "print(*sorted(name for name in sys.modules if name.startswith(('app.', 'fastapi', 'loguru', 'pydantic'))))"
    ).split()

    rooms = ("app.services.network", "app.models", "app.utils.forking", "app.errors", "app.utils", "app.services")
    assert [name for name in names if not name.startswith(rooms)] == []
    assert {name for name in names if name.startswith("app.services.")} >= {"app.services.network.photo_net"}
    assert [name for name in names if name.startswith("app.services.") and "network" not in name] == []


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("cores", "processes", "places"), [(1, 1, 1), (2, 1, 2), (2, 2, 1), (2, 8, 1), (8, 2, 4), (64, 1, 4)]
)
def test_all_workers_together_look_at_about_a_picture_a_core(cores: int, processes: int, places: int) -> None:
    assert network_places(cores, processes) == places
