"""A user's history: pages that end, and an erasure that is marked before anything is erased."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.models.domain import Category, RequestRecord
from app.models.history import Erasure, HistoryPlace, PlacedRecord
from app.services.history_service import HistoryService

NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)


def make_placed(number: int, *, known: bool = True) -> PlacedRecord:
    moment = NOON + timedelta(seconds=number)
    record = RequestRecord(f"req_{number}", "me", "a" * 64, None, Category.PETS, 0.9, True, None, 1, moment)
    return PlacedRecord(HistoryPlace(moment, number), record if known else None)


@dataclass
class FakeRecords:
    """Records, newest first, and how many rows of the user there are to be erased."""

    placed: list[PlacedRecord] = field(default_factory=list)
    rows: int = 0
    done: list[str] = field(default_factory=list)

    async def fetch_page(self, user_id: str, before: HistoryPlace, limit: int) -> list[PlacedRecord]:
        key = (before.created_at, before.id)
        return [one for one in self.placed if (one.place.created_at, one.place.id) < key][:limit]

    async def mark_erased(self, user_id: str, now: datetime) -> None:
        self.done.append(f"marked {user_id}")

    async def erase_slice(self, user_id: str, *, slice_rows: int) -> int:
        erased = min(self.rows, slice_rows)
        self.rows -= erased
        self.done.append(f"erased {erased}")
        return erased


def make_service(records: FakeRecords, most_seconds: float = 20) -> HistoryService:
    async def erase_elsewhere(user_id: str) -> None:
        records.done.append(f"elsewhere {user_id}")

    return HistoryService(records, erase_elsewhere, lambda: NOON, most_seconds)


async def test_a_full_page_says_where_the_next_begins_and_a_last_one_nothing() -> None:
    service = make_service(FakeRecords([make_placed(number) for number in (3, 2, 1)]))

    first = await service.read("me", None, 2)
    last = await service.read("me", first.next, 2)

    assert [record.request_id for record in first.records + last.records] == ["req_3", "req_2", "req_1"]
    assert (first.next, last.next) == (make_placed(2).place, None)


async def test_a_record_of_a_category_that_is_none_ends_no_history() -> None:
    service = make_service(FakeRecords([make_placed(3, known=False), make_placed(2)]))

    first = await service.read("me", None, 1)

    assert (first.records, first.next) == ([], make_placed(3).place)


async def test_a_user_is_marked_before_the_first_and_erased_to_the_last_record() -> None:
    records = FakeRecords(rows=2500)

    assert await make_service(records).erase("me") == Erasure(2500, complete=True)
    assert records.done == ["marked me", "elsewhere me", "erased 1000", "erased 1000", "erased 500"]


async def test_what_takes_too_long_is_left_to_the_next_call() -> None:
    records = FakeRecords(rows=2500)
    service = make_service(records, most_seconds=0)

    assert await service.erase("me") == Erasure(1000, complete=False)
    assert await service.erase("me") == Erasure(1000, complete=False)
    assert await service.erase("me") == Erasure(500, complete=True)
