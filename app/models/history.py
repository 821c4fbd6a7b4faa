"""A user's own records, and where they are in their order."""

from dataclasses import dataclass
from datetime import datetime

from app.models.domain import RequestRecord


@dataclass(frozen=True, slots=True)
class HistoryPlace:
    """A place in the order of time, and of ids within one second."""

    created_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class PlacedRecord:
    """A record and its place. `record` is None where its category is none of ours."""

    place: HistoryPlace
    record: RequestRecord | None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some records of one user, newest first, and where the next page begins, if there may be one."""

    records: list[RequestRecord]
    next: HistoryPlace | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What came of an erasure."""

    records: int
    """So many records do not say any more whose they are."""

    complete: bool
