"""What fails of a batch is counted as if it had been alone, and is one line of the log for all of its photos."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from loguru import logger

from app.config import Settings
from app.container import Container, open_container
from app.errors import DatabaseUnavailable
from app.models.domain import Outcome
from app.services.records.recorder import Commits
from app.utils.hash_utils import sha256_hex
from tests.api.calls import classify
from tests.conftest import make_client, with_settings
from tests.factories import make_image, make_image_hash
from tests.fakes import as_any
from tests.support.fake_model_server import Behaviour, FakeModels

UNREADABLE = {"image_hash": "x"}


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is logged of batches."""
    logged: list[dict[str, Any]] = []

    def note(line: Any) -> None:
        if line.record["message"] in ("photos of a batch failed", "request failed"):
            logged.append(dict(line.record["extra"]))

    sink = logger.add(note, level="WARNING")
    yield logged
    logger.remove(sink)


@pytest.fixture
async def away(settings: Settings) -> AsyncIterator[Container]:
    """A service whose database is away."""
    nowhere = with_settings(settings, mysql_host="127.0.0.1", mysql_port=1)
    async with open_container(nowhere) as container:
        yield container


@dataclass
class SpoolThatFills:
    """A group commit that takes the first record of many, and no other."""

    commits: Commits

    async def record(self, outcome: Outcome) -> None:
        await self.commits.record(outcome)

    async def record_all(self, outcomes: Sequence[Outcome]) -> list[Exception | None]:
        failure = DatabaseUnavailable(detail="the spool is full")
        return [None, *[failure] * (len(outcomes) - 1)]


async def ask(client: httpx.AsyncClient, items: list[Any]) -> list[str | None]:
    """Return the code of each photo's error, None of what has none."""
    response = await client.post("/classify/check-cache/batch", json={"items": items})
    return [one.get("error", {}).get("code") for one in response.json()["results"]]


async def test_lookups_that_fail_are_counted_each_and_logged_once(
    settings: Settings, away: Container, lines: list[dict[str, Any]]
) -> None:
    image = make_image()
    async with make_client(settings, away) as client:
        await classify(client, image)  # is in memory from now on
        unknown = [{"image_hash": make_image_hash()} for _ in range(50)]

        codes = await ask(client, [{"image_hash": sha256_hex(image)}, UNREADABLE, *unknown])

    assert codes == [None, "invalid_image_hash", *["database_unavailable"] * 50]
    assert away.metrics.errors.tallies == {("database_unavailable",): 50, ("invalid_image_hash",): 1}
    assert [(line["code"], line["photos"]) for line in lines] == [("database_unavailable", 50)]


async def test_no_failure_is_told_twice_where_records_fail_as_well(
    settings: Settings, away: Container, lines: list[dict[str, Any]]
) -> None:
    parts = away.classifier.parts
    recorder = replace(parts.recorder, commits=as_any(SpoolThatFills(parts.recorder.commits)))
    classifier = replace(away.classifier, parts=replace(parts, recorder=recorder))
    full = replace(away, classifier=classifier, batches=replace(away.batches, classifier=classifier))
    known = [make_image() for _ in range(2)]
    async with make_client(settings, full) as client:
        for image in known:
            await classify(client, image)

        codes = await ask(client, [*({"image_hash": sha256_hex(one)} for one in known), {"image_hash": "0" * 64}])

    assert codes == [None, "database_unavailable", "database_unavailable"]
    assert full.metrics.errors.tallies == {("database_unavailable",): 2}
    assert [(line["code"], line["photos"]) for line in lines] == [("database_unavailable", 2)]


@pytest.mark.parametrize("accept", ["application/json", "application/jsonl"])
async def test_uploads_that_fail_are_counted_each_and_logged_once(
    accept: str, client: httpx.AsyncClient, container: Container, fake_models: FakeModels, lines: list[dict[str, Any]]
) -> None:
    fake_models.behaviour = Behaviour(status=503)
    files = [("images", image) for image in (make_image(), b"no image", make_image(), b"no image either")]

    response = await client.post("/classify/batch", files=files, headers={"Accept": accept})

    assert response.status_code == 200
    failed = {("unsupported_format",): 2, ("model_unavailable",): 2}
    assert container.metrics.errors.tallies == failed
    assert [(line["code"], line["photos"]) for line in lines] == [("model_unavailable", 2)]
