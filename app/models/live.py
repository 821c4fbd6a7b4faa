"""What the live feed tells: the last quarter of an hour, today, and what is under way at the moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.models.statistics import TodayStatistics

SECONDS_PER_POINT = 5
POINTS = 180
"""A quarter of an hour."""

_KINDS = ("bytes", "content", "question", "near", "paid")


@dataclass(frozen=True, slots=True)
class LivePoint:
    """How many requests of five seconds were answered by which kind of name, and how many after asking a model."""

    at: datetime
    bytes: int = 0
    content: int = 0
    question: int = 0
    near: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class LiveState:
    """What is under way in the processes of one machine; `outbox_rows` is of all of them."""

    uploads_in_progress: int
    model_calls_in_progress: int
    model_queue: int
    breaker_open: int
    """Processes whose circuit breaker is open, for each model."""

    spool_rows: int
    outbox_rows: int


@dataclass(frozen=True, slots=True)
class LiveStatistics:
    """Points, the oldest first, the last of them not full yet, and today's totals, as of one moment."""

    as_of: datetime
    timezone: str
    points: tuple[LivePoint, ...]
    today: TodayStatistics


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """All that the feed tells at one moment."""

    statistics: LiveStatistics
    state: LiveState

    @property
    def data(self) -> dict[str, object]:
        """The fields of its body, by name."""
        statistics = self.statistics
        return {
            "as_of": statistics.as_of,
            "timezone": statistics.timezone,
            "basis": "request_log",
            "seconds_per_point": SECONDS_PER_POINT,
            "points": statistics.points,
            "today": statistics.today,
            "state": self.state,
        }


def point_starts(now: datetime) -> list[datetime]:
    """Return the moments at which the points begin that end with the present one."""
    last = now.replace(second=now.second - now.second % SECONDS_PER_POINT, microsecond=0)
    return [last - timedelta(seconds=SECONDS_PER_POINT * number) for number in reversed(range(POINTS))]


def points_at(starts: Sequence[datetime], counts: Iterable[tuple[datetime, str, int]]) -> tuple[LivePoint, ...]:
    """Return the points that begin at these moments, of the requests of each moment and kind of name.

    A moment of none of them, and a kind that is none of ours, count nowhere.
    """
    by_start = {start: dict.fromkeys(_KINDS, 0) for start in starts}
    for start, kind, requests in counts:
        point, name = by_start.get(start), kind or "paid"
        if point is not None and name in point:
            point[name] += requests
    return tuple(LivePoint(start, **point) for start, point in by_start.items())
