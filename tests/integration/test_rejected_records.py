"""Records that MySQL will not take: their neighbours are written, and they themselves are put aside for people."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql
from app.drivers.build import open_database
from app.errors import DatabaseRejected, RecordPutAside
from app.observe.metrics import Metrics
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.services.records.durable_writer import DurableWriter
from app.services.records.group_commit import GroupCommit
from app.services.records.rejected_files import RejectedFiles
from app.services.records.sifted_tables import SiftedTables
from app.utils.clock import utc_now
from app.utils.hash_utils import sha256_hex
from tests.api.calls import check_cache, upload
from tests.conftest import TEST_DATABASE, make_client, make_settings
from tests.factories import make_context, make_hit, make_image, make_outcome
from tests.support.fake_model_server import FakeModels
from tests.support.mysql_server import MySQLServer
from tests.support.unreliable_database import UnreliableDatabase

NARROW = f"{TEST_DATABASE}_narrow"
MOST_HITS = 2**32 - 1
LONG_USER = "a-user-whose-id-is-longer-than-ten"


@pytest.fixture
def narrow_settings(mysql_server: MySQLServer, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Settings for a database in which somebody has made the column of the user narrower."""
    script = (Path(__file__).parents[2] / "sql/init.sql").read_text(encoding="utf-8")
    mysql_server.query(f"DROP DATABASE IF EXISTS {NARROW}")
    mysql_server.query(script.replace("`image_classifier`", f"`{NARROW}`"))
    mysql_server.query("ALTER TABLE request_log MODIFY user_id VARCHAR(10)", NARROW)
    yield {**mysql_server.settings(NARROW), "spool_dir": tmp_path / "spool"}
    mysql_server.query(f"DROP DATABASE {NARROW}")


@pytest.fixture
async def narrow(narrow_settings: dict[str, Any]) -> AsyncIterator[UnreliableDatabase]:
    opened = await open_database(make_settings(**narrow_settings))
    yield UnreliableDatabase(opened)
    await opened.close()


@pytest.fixture
async def writer(narrow: UnreliableDatabase, tmp_path: Path) -> AsyncIterator[DurableWriter]:
    metrics = Metrics()
    rejected = RejectedFiles(tmp_path / "spool", metrics, utc_now)
    opened = DurableWriter(SiftedTables(RecordRepository(narrow), rejected), tmp_path / "spool", 100_000_000, metrics)
    yield opened
    await opened.close()


async def fill_up(database: Database, image_hash: str) -> None:
    """Let the image have as many hits as its column can count."""
    await database.execute(
        Sql.same("UPDATE image_classification_cache SET hit_count = :most WHERE image_hash = :image_hash"),
        {"most": MOST_HITS, "image_hash": image_hash},
    )


async def counted(database: Database) -> tuple[int, int]:
    """Return how many images and how many records there are."""
    ((images,),) = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM image_classification_cache"), {})
    ((records,),) = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {})
    return images, records


def put_aside(folder: Path) -> list[Any]:
    """Return what is in the files of rejected records, as it was meant for the tables."""
    files = sorted((folder / "spool").glob("rejected-*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


async def test_the_neighbours_of_records_that_do_not_fit_are_written_and_these_callers_alone_are_told(
    narrow: UnreliableDatabase, writer: DurableWriter, tmp_path: Path
) -> None:
    commits = GroupCommit(writer, metrics=Metrics())
    full = make_outcome(context=make_context(user_id=None))
    await commits.record(full)
    await fill_up(narrow, full.image_hash)
    fitting = [make_outcome(context=make_context(user_id="short")) for _ in range(100)]
    long = make_outcome(context=make_context(user_id=LONG_USER))
    uncounted = make_hit(full, context=make_context(user_id="short"))

    crowd = [*fitting[:40], long, *fitting[40:70], uncounted, *fitting[70:]]
    results = await asyncio.gather(*(commits.record(outcome) for outcome in crowd), return_exceptions=True)

    failed = [outcome for outcome, result in zip(crowd, results, strict=True) if result is not None]
    assert failed == [long, uncounted]
    assert {type(result) for result in results if result is not None} == {RecordPutAside}
    # The answer about `long` is worth keeping for all others, though it could not be logged who asked.
    assert await counted(narrow) == (102, 102)
    (line,) = put_aside(tmp_path)
    assert [row[0] for row in line["records"]] == [long.context.request_id]
    assert [row[0] for row in line["hits"]] == [full.image_hash]
    assert line["results"] == []


async def test_a_worker_goes_on_when_a_client_sends_what_the_table_cannot_hold(
    narrow_settings: dict[str, Any], provider_settings: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> None:
    settings = make_settings(**narrow_settings, **provider_settings)
    images = [make_image() for _ in range(12)]
    async with open_container(settings) as container, make_client(settings, container) as client:
        answers = await asyncio.gather(
            *(upload(client, image, user=LONG_USER if number == 5 else "short") for number, image in enumerate(images))
        )

        assert [answer.status_code for answer in answers] == [500 if number == 5 else 200 for number in range(12)]
        assert answers[5].json()["error"]["code"] == "internal_error"
        assert LONG_USER not in answers[5].text
        again = await upload(client, images[5], user="short")
        assert (again.status_code, again.json()["from_cache"]) == (200, True)  # paid for once
        assert len(fake_models.calls) == 12
        database = container.health.database
        assert await counted(database) == (12, 12)

        await fill_up(database, sha256_hex(images[0]))
        full, *others = await asyncio.gather(
            *(
                client.post("/classify/check-cache", json={"image_hash": sha256_hex(image)}, headers={"X-User-ID": "x"})
                for image in images
            )
        )
        assert full.status_code == 500
        assert {answer.status_code for answer in others} == {200}
        assert (await client.get("/health")).json()["status"] == "healthy"
        assert (await check_cache(client, images[3]))["cached"] is True
    # Two mistakes, each told once; the records of the hit fit.
    assert [len(line["records"]) + len(line["hits"]) for line in put_aside(tmp_path)] == [1, 1]


async def test_a_record_that_does_not_fit_holds_up_no_replay(
    narrow: UnreliableDatabase, writer: DurableWriter, tmp_path: Path
) -> None:
    commits = GroupCommit(writer, metrics=Metrics())
    narrow.away = True
    for number in range(3):  # a batch each
        outcomes = [make_outcome(context=make_context(user_id="short")) for _ in range(5)]
        outcomes[number] = make_outcome(context=make_context(user_id=LONG_USER))
        await asyncio.gather(*(commits.record(outcome) for outcome in outcomes))
    narrow.away = False

    await writer.replay()

    assert writer.waiting_answers == writer.waiting_bytes == 0
    assert await counted(narrow) == (15, 12)
    assert sum(len(line["records"]) for line in put_aside(tmp_path)) == 3
    assert sum(len(line["results"]) for line in put_aside(tmp_path)) == 0


async def test_a_batch_that_was_sifted_counts_as_written(narrow: UnreliableDatabase, writer: DurableWriter) -> None:
    first = make_outcome(context=make_context(user_id="short"))
    await writer.write(RecordBatch.of("w", 1, [first]))
    long = make_context(user_id=LONG_USER)
    batch = RecordBatch.of("w", 2, [make_hit(first, logged=False), make_outcome(context=long)])

    rejected = await writer.write(batch)
    await writer.write(batch)  # as after an answer that was lost

    assert rejected is not None
    assert rejected.rows == 1
    hits = await narrow.fetch_all(Sql.same("SELECT hit_count FROM image_classification_cache ORDER BY 1"), {})
    assert hits == [(1,), (2,)]


async def test_when_the_statements_themselves_are_refused_nothing_is_put_aside_and_the_spool_keeps_all(
    narrow: UnreliableDatabase, writer: DurableWriter, tmp_path: Path
) -> None:
    narrow.away = True
    await GroupCommit(writer, metrics=Metrics()).record(make_outcome(context=make_context(user_id="short")))
    narrow.away = False
    narrow.refuses = True

    with pytest.raises(DatabaseRejected):
        await writer.replay()

    assert put_aside(tmp_path) == []
    assert writer.waiting_answers == 1
    narrow.refuses = False
    await writer.replay()
    assert await counted(narrow) == (1, 1)


async def test_a_spool_of_any_size_is_replayed_into_a_server_that_takes_small_packets_only(
    mysql_server: MySQLServer, mysql_settings: dict[str, Any], tmp_path: Path
) -> None:
    settings: Settings = make_settings(**mysql_settings)
    with mysql_server.with_global("max_allowed_packet", 64 * 1024):
        line = UnreliableDatabase(await open_database(settings))
        metrics = Metrics()
        rejected = RejectedFiles(tmp_path / "spool", metrics, utc_now)
        writer = DurableWriter(SiftedTables(RecordRepository(line), rejected), tmp_path / "spool", 100_000_000, metrics)
        line.away = True
        first = make_outcome()
        outcomes = [first, *(make_hit(first) for _ in range(255)), *(make_outcome() for _ in range(256))]
        for number in range(3):
            others = [make_outcome() for _ in range(200)]
            await writer.write(RecordBatch.of("w", number + 1, others if number else outcomes))
        line.away = False
        assert writer.waiting_bytes > 4 * 64 * 1024

        await writer.replay()

        assert writer.waiting_bytes == 0
        assert await counted(line) == (657, 912)
        await writer.close()
        await line.inner.close()


def test_rows_tell_whose_they_are() -> None:
    first, other = make_outcome(), make_outcome()
    hit = make_hit(first)
    batch = RecordBatch.of("w", 1, [first, hit])

    assert batch.concerns(first)
    assert batch.concerns(hit)
    assert not batch.concerns(other)
    assert replace(batch, results=[], records=[]).concerns(make_hit(first, logged=False))
    assert not replace(batch, results=[], records=[]).concerns(first)
