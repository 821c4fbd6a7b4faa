"""What becomes of a request when decoding its image is slow, or impossible."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.container import open_container
from app.services.images.decoding_server import DecodingServer
from tests.api.calls import classify, upload
from tests.conftest import make_client, make_settings, settings_for_provider
from tests.factories import make_image
from tests.support.crafted_images import jpeg_of_scans
from tests.support.fake_model_server import FakeModels
from tests.support.figures import Figures
from tests.support.service_process import running_service
from tests.support.waiting import until


@pytest.fixture
async def own_decoders() -> AsyncIterator[DecodingServer]:
    """For a test that stops them."""
    server = DecodingServer(frozenset({"JPEG"}))
    server.start()
    yield server
    await server.close()


async def test_the_time_that_images_wait_is_not_the_models(
    sqlite_settings: dict[str, Any], fake_models: FakeModels, own_decoders: DecodingServer
) -> None:
    values = {**sqlite_settings, **settings_for_provider("openai", fake_models), "llm_timeout": 3}
    settings = make_settings(**values)
    async with (
        open_container(settings, decoders=own_decoders) as container,
        make_client(settings, container) as client,
    ):
        program = own_decoders.process_id
        assert program is not None
        os.kill(program, signal.SIGSTOP)
        started = time.monotonic()
        answers = await asyncio.gather(*(upload(client, make_image() + bytes([n])) for n in range(8)))
        took_seconds = time.monotonic() - started
        os.kill(program, signal.SIGCONT)

        assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {(503, "overloaded")}
        assert took_seconds < 2.9  # of the three there was always some left for the model
        assert fake_models.calls == []
        await until(lambda: own_decoders.processes == 0)
        assert [await classify(client, make_image() + b"!")]  # the breaker is closed


async def test_an_image_of_too_many_scans_is_told_to_be_invalid(
    sqlite_settings: dict[str, Any], fake_models: FakeModels, decoders: DecodingServer
) -> None:
    settings = make_settings(**sqlite_settings, **settings_for_provider("openai", fake_models))
    async with open_container(settings, decoders=decoders) as container, make_client(settings, container) as client:
        answer = await upload(client, jpeg_of_scans(5000))
        figures = Figures.of((await client.get("http://test/metrics")).text)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_image")
    assert "more parts" in answer.json()["error"]["message"]
    assert fake_models.calls == []
    assert figures.sum("images_rejected_total", reason="invalid_image") == 1


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_service_that_ends_leaves_no_process(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        programs = children_of(service.process.pid)
        assert len(programs) == 2  # one decodes, one runs the embedded network
    assert not any(Path(f"/proc/{program}").exists() for program in programs)
    assert "Traceback" not in service.printed()


def test_libraries_are_looked_for_where_the_service_was_told_to(tmp_path: Path) -> None:
    with running_service(tmp_path, ld_library_path=tmp_path, log_level="INFO") as service:
        programs = children_of(service.process.pid)
        environments = [Path(f"/proc/{program}/environ").read_text().split("\0") for program in programs]

    assert len(environments) == 2  # one decodes, one runs the embedded network
    expected = {"PYTHONPATH", "LD_LIBRARY_PATH", "LC_CTYPE", ""}
    for entries in environments:
        assert f"LD_LIBRARY_PATH={tmp_path}" in entries
        assert {
            name for name in (entry.split("=")[0] for entry in entries) if not name.endswith("_THREADS")
        } <= expected
