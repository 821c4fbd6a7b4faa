"""A user reads their own records, page by page, and has themselves erased from whatever is kept."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.services.records.spool_file import SpoolFile
from app.utils.clock import utc_now
from tests.api.calls import check_cache, classify
from tests.conftest import make_client, make_settings
from tests.factories import make_context, make_image, make_outcome
from tests.support.records import write_outcomes

pytestmark = pytest.mark.on_both_databases

ME = {"X-User-ID": "device-42"}
NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)

_TABLES = Sql(
    mysql="SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name",
    sqlite="SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
)
_COLUMNS = Sql(
    mysql="SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = :table",
    sqlite="SELECT name FROM pragma_table_xinfo(:table)",
)


async def columns_that_hold(database: Database, text: str) -> list[str]:
    """Return every column of every table that has a text somewhere."""
    found = []
    for (table,) in await database.fetch_all(_TABLES, {}):
        for (column,) in await database.fetch_all(_COLUMNS, {"table": table}):
            where = f"SELECT COUNT(*) FROM {table} WHERE INSTR(CAST({column} AS {{}}), '{text}') > 0"
            ((rows,),) = await database.fetch_all(Sql(where.format("BINARY"), where.format("TEXT")), {})
            found += [f"{table}.{column}"] * bool(rows)
    return found


async def until_applied(database: Database) -> None:
    """Return when the statistics' sums have what was written: until then it waits beside them, with its users."""
    async with asyncio.timeout(10):
        while await database.fetch_all(Sql.same("SELECT id FROM stats_outbox"), {}):
            await asyncio.sleep(0.02)


def spooled(*outcomes: Any) -> RecordBatch:
    """Return a batch of these as it comes back from a spool."""
    return RecordBatch.from_json(RecordBatch.of(secrets.token_hex(16), 1, outcomes).to_json())


async def read_all(client: httpx.AsyncClient, limit: int) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": limit}
    while True:
        page = (await client.get("/history", params=params, headers=ME)).json()
        assert len(page["data"]) <= limit
        records += page["data"]
        if page["next"] is None:
            return records
        params["before"] = page["next"]


async def test_a_user_reads_their_own_records_and_nobody_elses(client: httpx.AsyncClient) -> None:
    image = make_image()
    uploaded = await classify(client, image, "device-42")
    looked_up = await check_cache(client, image, "device-42")
    await classify(client, image, "device-43")
    await classify(client, image)

    page = (await client.get("/history", headers=ME)).json()

    assert [one["request_id"] for one in page["data"]] == [looked_up["request_id"], uploaded["request_id"]]
    assert page["next"] is None
    record = (await client.get(f"/requests/{uploaded['request_id']}", headers=ME)).json()["data"]
    assert page["data"][1] == record
    assert "device-43" not in str(page)


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
async def test_pages_leave_nothing_out_and_are_newest_first_whatever_the_order_of_writing(
    limit: int, client: httpx.AsyncClient, database: Database
) -> None:
    moments = [NOON, NOON + timedelta(hours=1), NOON, NOON, NOON - timedelta(days=1), NOON + timedelta(hours=2)]
    await write_outcomes(database, [make_outcome(created_at=moment) for moment in moments[:4]])
    await write_outcomes(database, [make_outcome(created_at=moment) for moment in moments[4:]])

    records = await read_all(client, limit)

    times = [record["created_at"] for record in records]
    assert times == sorted(times, reverse=True)
    assert len({record["request_id"] for record in records}) == len(records) == 6


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_who_names_no_user_has_no_history(method: str, client: httpx.AsyncClient) -> None:
    for headers in ({}, {"X-User-ID": "no good"}):
        response = await client.request(method, "/history", headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_user_id")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "before=x", "before=1-", "before=99999999999-1x"])
async def test_a_page_that_is_none_is_a_bad_request(query: str, client: httpx.AsyncClient) -> None:
    response = await client.get(f"/history?{query}", headers=ME)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


async def test_an_erased_user_is_in_no_column_of_no_table_and_the_records_still_count(
    client: httpx.AsyncClient, database: Database
) -> None:
    image, user = make_image(), f"device-{secrets.token_hex(8)}"
    await classify(client, image, user)
    await check_cache(client, image, user)
    other = await check_cache(client, image, "device-43")
    await until_applied(database)
    held = await columns_that_hold(database, user)
    assert held == ["request_log.user_id", "stats_member.member", "stats_user.user_id"]

    response = await client.delete("/history", headers={"X-User-ID": user})

    assert response.json()["data"] == {"records": 2, "complete": True}
    await until_applied(database)
    assert await columns_that_hold(database, user) == []
    log = Sql.same("SELECT user_id, ip_address FROM request_log ORDER BY id")
    assert await database.fetch_all(log, {}) == [(None, None), (None, None), ("device-43", "192.0.2.7")]
    assert (await client.get("/history", headers={"X-User-ID": user})).json()["data"] == []
    own = await client.get(f"/requests/{other['request_id']}", headers={"X-User-ID": "device-43"})
    assert own.status_code == 200


async def test_records_of_an_erased_user_that_come_late_are_written_without_the_user(
    client: httpx.AsyncClient, database: Database
) -> None:
    user, hour = f"device-{secrets.token_hex(8)}", timedelta(hours=1)
    context, other = make_context(user), make_context("device-43")
    early, later = make_outcome(context=context, created_at=utc_now() - hour), make_outcome(context=other)
    await client.delete("/history", headers={"X-User-ID": user})

    await RecordRepository(database).write([spooled(early, later)])

    await until_applied(database)
    assert await columns_that_hold(database, user) == []
    log = Sql.same("SELECT user_id, ip_address FROM request_log ORDER BY user_id")
    assert await database.fetch_all(log, {}) == [(None, None), ("device-43", "192.0.2.7")]


async def test_who_comes_back_after_being_erased_has_a_history_again(
    client: httpx.AsyncClient, database: Database
) -> None:
    await client.delete("/history", headers=ME)
    new = make_outcome(created_at=utc_now() + timedelta(seconds=5))

    await RecordRepository(database).write([spooled(new)])

    assert [one["request_id"] for one in await read_all(client, 10)] == [new.request_id]


async def test_what_is_in_the_spool_of_a_dead_process_is_erased_when_it_is_replayed(
    settings: Settings, database: Database
) -> None:
    user = f"device-{secrets.token_hex(8)}"
    folder = settings.spool_dir
    folder.mkdir(parents=True, exist_ok=True)
    async with open_container(settings) as container, make_client(settings, container) as client:
        await client.delete("/history", headers={"X-User-ID": user})
    left = SpoolFile.create(folder)
    old = make_outcome(context=make_context(user), created_at=utc_now() - timedelta(hours=1))
    left.append(RecordBatch.of("dead-process", 1, [old]).to_json())
    left.close(remove=False)

    async with open_container(settings), asyncio.timeout(10):
        while await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {}) != [(1,)]:
            await asyncio.sleep(0.02)
        await until_applied(database)

    assert await columns_that_hold(database, user) == []


async def test_without_an_apps_key_nobody_is_read_or_erased(database_settings: dict[str, Any]) -> None:
    keys = {"api_keys": "a-key-for-the-apps-7f3a9c51", "admin_api_keys": "a-key-for-operators-84b60e2d"}
    settings = make_settings(**database_settings, llm_provider="local", **keys)
    async with open_container(settings) as container, make_client(settings, container) as client:
        for method in ("GET", "DELETE"):
            assert (await client.request(method, "/history", headers=ME)).status_code == 401
            right = {**ME, "X-API-Key": keys["api_keys"]}
            assert (await client.request(method, "/history", headers=right)).status_code == 200
