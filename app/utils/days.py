"""Days of a calendar, as moments."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class DaySpan:
    """Days that follow each other, from the first to the last, as a time zone has them."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """The first moment of the first day."""
        return datetime.combine(self.first, time.min, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after the last day."""
        return datetime.combine(self.last + timedelta(days=1), time.min, self.zone)

    @property
    def days(self) -> list[date]:
        """All of its days."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


class Calendar:
    """Tells the days of many moments as a time zone has them, the same minute only once."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._days: dict[str, str] = {}

    def day_of(self, moment: str) -> str:
        """Return the day (`2025-10-10`) of a moment in UTC (`2025-10-10 12:00:00`).

        Since 1972 all clocks go by whole minutes: a minute has one day.
        """
        minute = moment[:16]
        day = self._days.get(minute)
        if day is None:
            local = datetime.fromisoformat(minute).replace(tzinfo=UTC).astimezone(self._zone)
            day = self._days[minute] = local.date().isoformat()
        return day


def last_days(now: datetime, zone: ZoneInfo, days: int) -> DaySpan:
    """Return the last `days` days, today included. A day of summer time's change has 23 or 25 hours."""
    today = now.astimezone(zone).date()
    return DaySpan(today - timedelta(days=days - 1), today, zone)


def yesterday_until_now(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first moment of yesterday, and when its clocks showed the hour and minute that they show now.

    That is the first such moment where they showed it twice, and the one at which they skipped it where they did.
    """
    yesterday = last_days(now, zone, 2)
    shown = datetime.combine(yesterday.first, now.astimezone(zone).time().replace(second=0, microsecond=0, fold=0))
    until = shown.replace(tzinfo=zone).astimezone(UTC)
    while until.astimezone(zone).replace(tzinfo=None) != shown:  # clocks did not show it
        shown += timedelta(minutes=1)
        until = shown.replace(tzinfo=zone).astimezone(UTC)
    return yesterday.start, until


def next_day(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment of tomorrow."""
    return last_days(now, zone, 1).end


def next_month(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment of the next month."""
    first = now.astimezone(zone).date().replace(day=1)
    return datetime.combine((first + timedelta(days=32)).replace(day=1), time.min, zone)
