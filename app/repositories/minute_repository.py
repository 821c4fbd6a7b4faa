"""Sums over the requests and questions of some hours of the last three days, to the minute. SQL only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.database import Reader, to_sql_time
from app.models.domain import Usage
from app.repositories.rollup_reader import RollupReader
from app.repositories.rollup_sums import UNTIMED, Sums

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MinuteTotals:
    """Sums over some minutes."""

    is_complete: bool
    """Whether all that was on record since `since` is in them."""

    since: datetime | None
    """None: the beginning."""

    requests: int
    cache_hits: int
    hits: dict[int, int]
    """How many of them took how long, by the shortest time of each bucket."""

    paid: dict[int, int]
    """The same of answers that models gave."""

    calls: int
    """Questions that vendors were asked, whatever became of them."""

    cost: Decimal
    unpriced: Usage
    """The tokens of those whose cost is not on record."""


@dataclass(frozen=True, slots=True)
class MinuteRepository:
    """Sums over minutes. Raises `DatabaseUnavailable`, `StatisticsNotBuilt`."""

    database: Reader

    async def sum_minutes(self, start: datetime, end: datetime, zone: ZoneInfo) -> MinuteTotals:
        """Sum up what happened from the minute `start` until before the minute `end`.

        `start` is no more than three days ago. `zone` is the one that the sums of days are to have.
        """
        first, last = to_sql_time(start), to_sql_time(end - _MINUTE)
        state, requests, calls = await RollupReader(self.database).sum_minutes(first, last, zone)
        asked, cost, unpriced_input, unpriced_output = (sum(row[place] for row in calls.values()) for place in range(4))
        hits, paid = _by_bucket(requests, are_hits=True), _by_bucket(requests, are_hits=False)
        cache_hits = sum(hits.values())
        return MinuteTotals(
            is_complete=state.has_minutes,
            since=state.minutes_since,
            requests=cache_hits + sum(paid.values()),
            cache_hits=cache_hits,
            hits=_timed(hits),
            paid=_timed(paid),
            calls=asked,
            cost=Decimal(cost).scaleb(-10),
            unpriced=Usage(unpriced_input, unpriced_output),
        )


def _by_bucket(requests: Sums, *, are_hits: bool) -> dict[int, int]:
    counts: dict[int, int] = {}
    for (_, kind, bucket), (number,) in requests.items():
        if bool(kind) is are_hits:
            counts[int(bucket)] = counts.get(int(bucket), 0) + number
    return counts


def _timed(counts: dict[int, int]) -> dict[int, int]:
    return {bucket: number for bucket, number in counts.items() if bucket != UNTIMED}
