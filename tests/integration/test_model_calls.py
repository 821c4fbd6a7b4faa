"""A question to a model is a row, whatever became of it, and the token statistics are sums of these rows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.database import Database, Sql
from app.models.domain import ModelCall, Usage
from app.models.prices import Prices
from app.models.statistics import TokenStatistics
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import StatsRepository
from app.services.stats_service import StatsService
from tests.factories import make_call, make_failure, make_image_hash, make_outcome
from tests.support.records import write_outcomes

NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
COLUMNS = (
    "request_id, image_hash, provider, model, prompt_version, outcome, "
    "input_tokens, output_tokens, cached_tokens, lane, duration_ms"
)


async def read_calls(database: Database) -> list[tuple[Any, ...]]:
    return await database.fetch_all(Sql.same(f"SELECT {COLUMNS} FROM model_call ORDER BY id"), {})


async def summarize(database: Database, now: datetime, zone: str = "UTC") -> TokenStatistics:
    prices = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))
    log = RequestLogRepository(database)
    return await StatsService(StatsRepository(database), log, prices, ZoneInfo(zone), lambda: now).summarize_tokens()


def asked(moment: datetime, outcome: str = "answered", cost: str = "0.0001") -> ModelCall:
    return make_call(started_at=moment, outcome=outcome, usage=Usage(400, 40, 4), cost=Decimal(cost))


async def test_every_question_of_an_answer_is_a_row_those_that_failed_too(database: Database) -> None:
    failed = make_call(outcome="timeout", usage=Usage(), duration_ms=9000)
    answered = make_call(provider="claude", model="claude-haiku-5-5", usage=Usage(400, 40, 4), lane="flex")
    outcome = make_outcome(calls=(failed, answered))

    await write_outcomes(database, [outcome])

    of_request = (outcome.context.request_id, outcome.image_hash)
    assert await read_calls(database) == [
        (*of_request, "openai", "gpt-6-luna", "1", "timeout", 0, 0, 0, "standard", 9000),
        (*of_request, "claude", "claude-haiku-5-5", "1", "answered", 400, 40, 4, "flex", 1234),
    ]


async def test_the_questions_of_a_request_without_an_answer_are_rows_and_no_result(database: Database) -> None:
    failure = make_failure(calls=(make_call(outcome="bad_answer"), make_call(outcome="timeout")), refused_until=None)

    await write_outcomes(database, [failure])

    assert [(row[0], row[5]) for row in await read_calls(database)] == [
        (failure.request_id, "bad_answer"),
        (failure.request_id, "timeout"),
    ]
    for table in ("image_classification_cache", "request_log", "classification_refusal"):
        assert await database.fetch_all(Sql.same(f"SELECT COUNT(*) FROM {table}"), {}) == [(0,)]


async def test_a_batch_given_twice_has_its_questions_once(database: Database) -> None:
    batch = RecordBatch.of("w", 1, [make_outcome(calls=(make_call(),)), make_failure()])

    for _ in range(2):
        await RecordRepository(database).write([RecordBatch.from_json(batch.to_json())])

    assert len(await read_calls(database)) == 2
    sql = Sql.same("SELECT input_tokens, output_tokens FROM classification_refusal")
    assert await database.fetch_all(sql, {}) == [(412, 37)]


async def test_the_embedded_network_is_not_asked_for_money(database: Database) -> None:
    look = make_call(provider="local", model="local-network", usage=Usage(), cost=Decimal(0), outcome="sure")
    await write_outcomes(database, [make_outcome(calls=(look, make_call()))])

    totals = await StatsRepository(database).sum_tokens(None)

    assert (totals.calls, totals.cost) == (1, make_call().cost)
    assert len(await read_calls(database)) == 2


async def test_a_refusal_that_comes_again_extends_the_first_and_never_shortens_it(database: Database) -> None:
    first = make_failure(created_at=NOON, refused_until=NOON + timedelta(days=2))
    again = make_failure(
        image_hash=first.image_hash, created_at=NOON + timedelta(hours=1), refused_until=NOON + timedelta(days=1)
    )

    await write_outcomes(database, [again])
    await write_outcomes(database, [first])

    sql = Sql(
        mysql="SELECT CAST(expires_at AS CHAR), CAST(refused_at AS CHAR), input_tokens FROM classification_refusal",
        sqlite="SELECT expires_at, refused_at, input_tokens FROM classification_refusal",
    )
    assert await database.fetch_all(sql, {}) == [("2025-10-12 12:00:00", "2025-10-10 13:00:00", 824)]


async def test_each_refusal_counts_on_its_own_day(database: Database) -> None:
    """Refused on one day and, when its time was over, on the next: neither day's figure moves to the other."""
    image_hash, next_day = make_image_hash(), NOON + timedelta(days=1)
    for moment in (NOON, next_day):
        await write_outcomes(
            database, [make_failure(image_hash=image_hash, created_at=moment, calls=(asked(moment, "refused"),))]
        )

    days = [(await summarize(database, moment)).today for moment in (NOON, next_day)]

    assert [(day.calls, day.images, day.input_tokens) for day in days] == [(1, 1, 400)] * 2
    total = (await summarize(database, NOON)).total
    assert (total.calls, total.images, total.input_tokens) == (2, 1, 800)


async def test_an_answer_that_two_processes_paid_for_counts_twice(database: Database) -> None:
    first = make_outcome(calls=(asked(NOON),))
    second = make_outcome(image_hash=first.image_hash, calls=(asked(NOON),))

    await write_outcomes(database, [first])
    await write_outcomes(database, [second])

    total = (await summarize(database, NOON)).total
    assert (total.calls, total.images, total.input_tokens, total.output_tokens, total.cached_tokens) == (
        (2, 1, 800, 80, 8)
    )


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
async def test_a_day_begins_and_ends_where_the_time_zone_says(zone: str, database: Database) -> None:
    begin = datetime(2025, 11, 2, tzinfo=ZoneInfo(zone))  # in New York a day of 25 hours
    end = datetime(2025, 11, 3, tzinfo=ZoneInfo(zone))
    second = timedelta(seconds=1)
    moments = [moment.astimezone(UTC) for moment in (begin, begin, end, end)]
    for moment, shift in zip(moments, (-second, 0 * second, -second, 0 * second), strict=True):
        await write_outcomes(database, [make_outcome(calls=(asked(moment + shift),))])

    today = (await summarize(database, begin.astimezone(UTC) + timedelta(hours=5), zone)).today

    assert (today.calls, today.input_tokens) == (2, 800)


async def test_costs_are_summed_exactly(database: Database) -> None:
    """In floating point, ten thousand times 0.0000816 is not 0.816."""
    await write_outcomes(
        database, [make_outcome(logged=False, calls=tuple(asked(NOON, cost="0.0000816001") for _ in range(10_000)))]
    )

    totals = await StatsRepository(database).sum_tokens(None)

    assert totals.cost == Decimal("0.816001")
    assert totals.unpriced == Usage()


async def test_questions_without_a_cost_on_record_are_told_apart(database: Database) -> None:
    await write_outcomes(database, [make_outcome(calls=(asked(NOON), make_call(cost=None, usage=Usage(1000, 100))))])

    totals = await StatsRepository(database).sum_tokens(None)

    assert (totals.cost, totals.unpriced) == (Decimal("0.0001"), Usage(1000, 100))
