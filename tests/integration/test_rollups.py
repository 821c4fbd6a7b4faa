"""The sums of the statistics are those of the rows that are on record, whatever was written, repeated, deleted, applied
or interrupted in between, by the days of any zone."""

import asyncio
import random
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.database import Database, Sql, from_sql_time
from app.errors import DatabaseUnavailable, RebuildDisturbed, StatisticsNotBuilt
from app.models.domain import LOCAL_MODEL, LOCAL_PROVIDER, Category, Failure, Outcome
from app.models.identity import MatchedBy
from app.repositories.minute_repository import MinuteRepository
from app.repositories.model_repository import ModelRepository
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.repositories.rollup_builder import RollupBuilder
from app.repositories.rollup_repository import RollupRepository
from app.repositories.stats_repository import RequestTotals, StatsRepository
from app.utils.days import DaySpan, last_days
from app.utils.latency_buckets import bucket_of
from tests.conftest import TABLES
from tests.factories import (
    known_by,
    make_call,
    make_classification,
    make_context,
    make_failure,
    make_hit,
    make_image_hash,
    make_outcome,
    make_reply,
)
from tests.support.records import apply_all, delete_some, rebuild, write_outcomes
from tests.support.unreliable_database import UnreliableDatabase

UTC_ZONE = ZoneInfo("UTC")
NOW = datetime.now(UTC).replace(microsecond=0)

TODAY = Sql.same("""
SELECT COUNT(*), SUM(from_cache), COUNT(DISTINCT user_id), COUNT(DISTINCT ip_address), SUM(processing_time_ms),
  COUNT(processing_time_ms), SUM(image_size), SUM(saved_bytes)
FROM request_log WHERE created_at >= :start AND created_at < :end
""")
CATEGORIES = Sql.same("""
SELECT category, COUNT(*), SUM(confidence) FROM request_log
WHERE created_at >= :start AND created_at < :end GROUP BY category
""")
USERS = Sql.same("""
SELECT user_id, COUNT(*), SUM(from_cache), MIN(created_at), MAX(created_at)
FROM request_log WHERE user_id IS NOT NULL GROUP BY user_id
""")
RECENT = Sql.same("SELECT created_at, from_cache, matched_by FROM request_log WHERE created_at >= :since")
CACHE = Sql.same("SELECT COUNT(*), SUM(hit_count), MAX(hit_count) FROM image_classification_cache")
TOKENS = Sql.same("""
SELECT COUNT(*), COUNT(DISTINCT image_hash), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens)
FROM model_call WHERE COALESCE(provider, '') <> 'local' AND created_at >= :start AND created_at < :end
""")
TIMES = Sql.same("""
SELECT from_cache, processing_time_ms FROM request_log WHERE created_at >= :start AND created_at < :end
""")
COSTS = Sql.same("""
SELECT COUNT(*), SUM(CASE WHEN cost IS NULL THEN input_tokens END), SUM(CASE WHEN cost IS NULL THEN output_tokens END),
  SUM(cost)
FROM model_call WHERE COALESCE(provider, '') <> 'local' AND created_at >= :start AND created_at < :end
""")


def numbers(row: Any) -> tuple[int, ...]:
    return tuple(int(value or 0) for value in row)


def text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


async def check_sums(database: Database, span: DaySpan) -> None:
    """Fail unless every sum equals what a scan of the tables finds."""
    stats = StatsRepository(database)
    for day, totals in zip(span.days, await stats.sum_requests(span), strict=True):
        one = DaySpan(day, day, span.zone)
        params = {"start": text_of(one.start), "end": text_of(one.end)}
        (row,) = await database.fetch_all(TODAY, params)
        assert totals == RequestTotals(*numbers(row)), day
        scanned = {
            str(name): (int(number), round(float(total), 4))
            for name, number, total in await database.fetch_all(CATEGORIES, params)
        }
        told = {
            str(one.category): (one.requests, float(one.total_confidence)) for one in await stats.sum_categories(one)
        }
        assert told == scanned, day
        (row,) = await database.fetch_all(TOKENS, params)
        tokens = await stats.sum_tokens(one)
        usage = tokens.usage
        assert (tokens.calls, tokens.images, usage.input_tokens, usage.output_tokens, usage.cached_tokens) == numbers(
            row
        )
    await check_recent(database, span)
    await check_minutes(database, span)
    (row,) = await database.fetch_all(CACHE, {})
    cache = await stats.sum_cache()
    assert (cache.images, cache.hits, cache.max_hits) == numbers(row)
    scanned_users = sorted(
        (
            (name, int(number), int(hits), str(first), str(last))
            for name, number, hits, first, last in await database.fetch_all(USERS, {})
        ),
        key=lambda user: (-user[1], user[0]),
    )
    for limit in (3, 1000):
        ranked = await stats.fetch_top_users(limit)
        assert [
            (u.user_id, u.requests, u.cache_hits, text_of(u.first_request), text_of(u.last_request)) for u in ranked
        ] == scanned_users[:limit]
    (row,) = await database.fetch_all(TOKENS, {"start": "2000-01-01", "end": "2999-01-01"})
    total = await stats.sum_tokens(None)
    assert (total.calls, total.images, total.usage.input_tokens) == numbers(row)[:3]


async def check_recent(database: Database, span: DaySpan) -> None:
    """Fail unless the requests of the last quarter of an hour are counted in the seconds and by the names they have."""
    since = NOW - timedelta(minutes=15)
    scanned: Counter[tuple[datetime, str]] = Counter()
    for created_at, from_cache, matched_by in await database.fetch_all(RECENT, {"since": text_of(since)}):
        moment = from_sql_time(created_at)
        start = moment.replace(second=moment.second // 5 * 5)
        if start >= since:
            scanned[start, (matched_by or "bytes") if from_cache else ""] += 1
    _, recent = await StatsRepository(database).sum_live(span, since)
    assert {(one.start, one.kind): one.requests for one in recent if one.requests} == scanned


async def check_minutes(database: Database, span: DaySpan) -> None:
    """Fail unless the hours that yesterday may have until now are told by the minute as a scan finds them."""
    end = NOW.replace(second=0)
    for start in (end - timedelta(hours=50), end - timedelta(hours=7)):
        told = await MinuteRepository(database).sum_minutes(start, end, span.zone)
        params = {"start": text_of(start), "end": text_of(end)}
        scanned: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
        for from_cache, took_ms in await database.fetch_all(TIMES, params):
            scanned[bool(from_cache)][bucket_of(took_ms)] += 1
        assert told.is_complete
        assert told.cache_hits == scanned[True].total()
        assert told.requests - told.cache_hits == scanned[False].total()
        assert [Counter(told.hits), Counter(told.paid)] == [scanned[True], scanned[False]]
        (row,) = await database.fetch_all(COSTS, params)
        assert (told.calls, told.unpriced.input_tokens, told.unpriced.output_tokens) == numbers(row)[:3]
        assert float(told.cost) == pytest.approx(float(row[3] or 0), abs=1e-9)


@dataclass
class History:
    """What a process does over some days, at random: answers of all kinds, and what is repeated of them."""

    chance: random.Random
    images: list[str] = field(default_factory=lambda: [make_image_hash() for _ in range(6)])
    batches: list[RecordBatch] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    writer: str = field(default_factory=lambda: secrets.token_hex(16))
    numbers: int = 0

    def make_batch(self) -> RecordBatch:
        chosen: list[Outcome | Failure] = [self._make_outcome() for _ in range(self.chance.randrange(6))]
        if self.outcomes and self.chance.random() < 0.3:  # the same request comes a second time, in another batch
            chosen.append(self.chance.choice(self.outcomes))
        if self.chance.random() < 0.3:
            chosen.append(make_failure(image_hash=self.chance.choice(self.images)))
        self.outcomes += [one for one in chosen if isinstance(one, Outcome)]
        self.numbers += 1
        self.batches.append(RecordBatch.of(self.writer, self.numbers, chosen))
        return self.batches[-1]

    def _make_outcome(self) -> Outcome:
        hours = self.chance.choice([0, self.chance.randrange(24 * 6)])
        moment = NOW - timedelta(hours=hours, seconds=self.chance.randrange(3600))
        image = self.chance.choice(self.images)
        classification = make_classification(self.chance.choice(list(Category)), round(self.chance.random(), 4))
        common: dict[str, Any] = {
            "context": make_context(
                self.chance.choice([None, *(f"user-{number}" for number in range(5))]),
                self.chance.choice([None, "192.0.2.1", "2001:db8::1"]),
            ),
            "created_at": moment,
            "processing_time_ms": self.chance.randrange(9000),
            "classification": classification,
            "logged": self.chance.random() < 0.9,
            "image_size": self.chance.choice([None, 1000, 123_456]),
        }
        if self.chance.random() < 0.5:
            paid = make_outcome(image_hash=image, classification=classification)
            kind = self.chance.choice([None, *MatchedBy])
            return make_hit(paid, known=known_by(paid, kind) if kind else None, **common)
        model = self.chance.choice(["gpt-6-luna", LOCAL_MODEL])
        provider = LOCAL_PROVIDER if model == LOCAL_MODEL else "openai"
        calls = (
            make_call(started_at=moment, provider=provider, cost=self.chance.choice([None, Decimal("0.0000816")])),
        )
        return make_outcome(image_hash=image, reply=make_reply(classification, model), calls=calls, **common)


async def wipe(database: Database) -> None:
    for table in TABLES:
        await database.execute(Sql.same(f"DELETE FROM {table}"), {})
    await database.execute(Sql.same("INSERT INTO stats_state (id, built_at) VALUES (1, CURRENT_TIMESTAMP)"), {})


async def take_step(database: Database, history: History, step: str) -> None:
    """Do one of the things that change rows or sums."""
    chance, records = history.chance, RecordRepository(database)
    match step:
        case "write":
            await records.write([history.make_batch()])
        case "write several":
            await records.write([history.make_batch() for _ in range(3)])
        case "repeat":
            await records.write(history.batches[-chance.randrange(1, 4) :])
        case "apply":
            await RollupRepository(database).apply_piece(UTC_ZONE)
        case "apply twice at once":
            await asyncio.gather(*(RollupRepository(database).apply_piece(UTC_ZONE) for _ in range(2)))
        case "delete":
            await delete_some(database, NOW - timedelta(hours=chance.randrange(1, 24 * 6)), chance.randrange(1, 8))
        case "rebuild":
            await rebuild(database)


STEPS = ["write", "write", "write several", "repeat", "apply", "apply twice at once", "delete", "rebuild"]


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],
)
@given(seed=st.integers(0, 10_000), steps=st.lists(st.sampled_from(STEPS), min_size=8, max_size=20))
async def test_whatever_happens_the_sums_are_those_of_the_rows(seed: int, steps: list[str], database: Database) -> None:
    await wipe(database)
    history = History(random.Random(seed))
    span = last_days(NOW, UTC_ZONE, 8)

    for number, step in enumerate(steps):
        if number % 2 or step == "rebuild":  # a rebuild would mend what is wrong; else it stays wrong
            await check_sums(database, span)
        await take_step(database, history, step)
    await check_sums(database, span)
    await apply_all(database)

    await check_sums(database, span)
    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM stats_outbox"), {}) == [(0,)]


@pytest.mark.parametrize("table", ["stats_request", "stats_category", "stats_latency", "stats_member", "stats_user"])
async def test_rows_that_are_deleted_leave_nothing_in_the_sums(table: str, database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW - timedelta(days=9), reply=None) for _ in range(3)])
    await apply_all(database)

    await delete_some(database, NOW, 10)
    await apply_all(database)

    assert await database.fetch_all(Sql.same(f"SELECT COUNT(*) FROM {table}"), {}) == [(0,)]


async def test_what_is_older_than_an_hour_goes_from_the_sums_of_the_last_hour(database: Database) -> None:
    await database.execute(
        Sql.same("INSERT INTO stats_recent VALUES (:moment, 'bytes', 3)"), {"moment": text_of(NOW - timedelta(hours=2))}
    )
    await write_outcomes(database, [make_outcome(created_at=NOW), make_outcome(created_at=NOW - timedelta(hours=3))])

    await apply_all(database)

    rows = await database.fetch_all(Sql.same("SELECT kind, requests FROM stats_recent"), {})
    assert [(str(kind), int(requests)) for kind, requests in rows] == [("", 1)]


async def test_what_is_left_in_the_outbox_by_a_killed_process_is_counted_once(database: Database) -> None:
    """Whatever of a piece is done is done in one transaction: a kill leaves all of it to do, or nothing."""
    await write_outcomes(database, [make_outcome(created_at=NOW) for _ in range(3)])
    line = UnreliableDatabase(database, loses_answers=True)

    with pytest.raises(DatabaseUnavailable):  # done, and nobody hears: the process is dead
        await RollupRepository(line).apply_piece(UTC_ZONE)
    await check_sums(database, last_days(NOW, UTC_ZONE, 1))
    await apply_all(database)

    await check_sums(database, last_days(NOW, UTC_ZONE, 1))


async def test_the_outbox_has_as_many_rows_as_were_left_in_it(database: Database) -> None:
    rollups = RollupRepository(database)
    assert await rollups.measure_outbox() == 0
    for _ in range(3):
        await write_outcomes(database, [make_outcome(created_at=NOW)])

    assert await rollups.measure_outbox() >= 3
    await apply_all(database)
    assert await rollups.measure_outbox() == 0


async def test_of_two_that_apply_the_same_piece_one_does(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW) for _ in range(3)])

    applied = await asyncio.gather(*(RollupRepository(database).apply_piece(UTC_ZONE) for _ in range(4)))

    assert sum(piece.rows > 0 for piece in applied) == 1
    await check_sums(database, last_days(NOW, UTC_ZONE, 1))


async def test_a_batch_that_is_written_again_counts_once(database: Database) -> None:
    batch = RecordBatch.of(secrets.token_hex(16), 1, [make_outcome(created_at=NOW, calls=(make_call(started_at=NOW),))])

    for _ in range(3):
        await RecordRepository(database).write([batch])

    await check_sums(database, last_days(NOW, UTC_ZONE, 1))


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        ("Asia/Shanghai", "2026-06-30T15:59:00", [24, 24]),  # a minute before midnight there
        ("Asia/Shanghai", "2026-06-30T16:00:00", [24, 24]),
        ("Asia/Shanghai", "1991-04-14T12:00:00", [24, 23]),  # summer time was tried for six years
        ("Europe/Berlin", "2026-03-29T12:00:00", [24, 23]),
        ("Europe/Berlin", "2026-10-25T12:00:00", [24, 25]),
        ("Europe/Berlin", "2026-10-25T23:00:00", [25, 24]),
    ],
)
@pytest.mark.parametrize("applied", [True, False])
async def test_days_are_those_of_the_zone_also_where_its_clock_changes(
    zone: str, now: str, hours: list[int], applied: bool, database: Database
) -> None:
    span = last_days(datetime.fromisoformat(f"{now}+00:00"), ZoneInfo(zone), 2)
    hour = timedelta(hours=1)
    length = int((span.end.astimezone(UTC) - span.start.astimezone(UTC)) / hour)
    moments = [span.start.astimezone(UTC) + number * hour for number in range(-2, length + 2)]
    await write_outcomes(database, [make_outcome(created_at=moment) for moment in moments])

    if applied:
        await apply_all(database, zone)

    assert [day.requests for day in await StatsRepository(database).sum_requests(span)] == hours
    await check_sums(database, span)


async def test_other_days_than_those_of_the_sums_are_not_told(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW)])
    await apply_all(database, "Asia/Shanghai")

    with pytest.raises(StatisticsNotBuilt):
        await StatsRepository(database).sum_requests(last_days(NOW, UTC_ZONE, 1))

    await rebuild(database)
    await check_sums(database, last_days(NOW, UTC_ZONE, 1))


async def test_the_days_of_the_sums_stay_when_a_process_has_another_zone(database: Database) -> None:
    for zone in ("Asia/Shanghai", "Europe/Berlin"):
        await write_outcomes(database, [make_outcome(created_at=NOW)])
        await apply_all(database, zone)

    await check_sums(database, last_days(NOW, ZoneInfo("Asia/Shanghai"), 2))


async def test_sums_that_lack_rows_are_not_told_until_they_are_built(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW)])
    await database.execute(Sql.same("UPDATE stats_state SET built_at = NULL"), {})
    await apply_all(database)
    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM stats_outbox"), {}) == [(0,)]
    stats = StatsRepository(database)

    for told in (
        stats.sum_requests(last_days(NOW, UTC_ZONE, 1)),
        stats.sum_cache(),
        stats.fetch_top_users(1),
        ModelRepository(database).sum_calls(last_days(NOW, UTC_ZONE, 1)),
    ):
        with pytest.raises(StatisticsNotBuilt):
            await told

    await rebuild(database)
    await check_sums(database, last_days(NOW, UTC_ZONE, 1))


async def test_what_is_written_and_deleted_during_a_rebuild_counts_once(database: Database) -> None:
    """Each slice that was counted is followed by a batch, an older one that comes late, and a deletion."""
    history = History(random.Random(7))
    await RecordRepository(database).write([history.make_batch() for _ in range(20)])

    async def disturb(done: int, total: int) -> None:
        await RecordRepository(database).write([history.make_batch()])
        await delete_some(database, NOW - timedelta(hours=20), 5)

    await RollupBuilder(database).build(UTC_ZONE, disturb)

    await check_sums(database, last_days(NOW, UTC_ZONE, 8))
    await apply_all(database)
    await check_sums(database, last_days(NOW, UTC_ZONE, 8))


async def test_a_rebuild_that_another_process_interferes_with_leaves_nothing_to_be_told(database: Database) -> None:
    await write_outcomes(database, [make_outcome(created_at=NOW) for _ in range(3)])

    async def interfere(done: int, total: int) -> None:
        await write_outcomes(database, [make_outcome(created_at=NOW)])
        await apply_all(database)

    with pytest.raises(RebuildDisturbed):
        await RollupBuilder(database).build(UTC_ZONE, interfere)

    with pytest.raises(StatisticsNotBuilt):
        await StatsRepository(database).sum_cache()
    await rebuild(database)
    await check_sums(database, last_days(NOW, UTC_ZONE, 1))
