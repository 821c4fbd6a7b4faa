"""The rows of a batch say of each outcome what is its own."""

from datetime import UTC, datetime, timedelta, timezone

from app.repositories.record_batch import RecordBatch
from tests.factories import make_outcome


def test_each_record_has_the_second_of_its_own_answer() -> None:
    midnight = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
    moments = [
        midnight,
        midnight + timedelta(microseconds=999_999),
        midnight + timedelta(seconds=1),
        midnight + timedelta(milliseconds=500),
        midnight.astimezone(timezone(timedelta(hours=5, minutes=30))) + timedelta(seconds=1.5),
    ]

    batch = RecordBatch.of("writer", 1, [make_outcome(created_at=moment) for moment in moments])

    before, after = "2026-02-28 23:59:59", "2026-03-01 00:00:00"
    assert [row[9] for row in batch.records] == [before, before, after, before, after]
