"""The time, always in UTC. Passed in wherever a test needs another hour."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter, time

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def isoformat_utc(moment: datetime) -> str:
    """Return an aware moment as the interface writes it: `2025-10-10T12:00:00Z`, whole seconds."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='seconds')[:19]}Z"


def isoformat_now() -> str:
    """Return the present moment as the interface writes it."""
    return _isoformat(int(time()))


@lru_cache(maxsize=1)
def _isoformat(seconds: int) -> str:
    return isoformat_utc(datetime.fromtimestamp(seconds, UTC))


def milliseconds_since(started: float, ended: float | None = None) -> int:
    """Return the whole milliseconds from a moment of `time.perf_counter()` to another, or to now."""
    return round(((perf_counter() if ended is None else ended) - started) * 1000)
