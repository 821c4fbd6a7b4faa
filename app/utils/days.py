"""Days of a calendar, as moments."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def last_days(now: datetime, zone: ZoneInfo, days: int) -> tuple[datetime, datetime]:
    """Return the first moment of the last `days` days, today included, and that of tomorrow.

    A day of summer time's change has 23 or 25 hours.
    """
    today = now.astimezone(zone).date()
    return (
        datetime.combine(today - timedelta(days=days - 1), time.min, zone),
        datetime.combine(today + timedelta(days=1), time.min, zone),
    )


def next_day(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment of tomorrow."""
    return last_days(now, zone, 1)[1]


def next_month(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment of the next month."""
    first = now.astimezone(zone).date().replace(day=1)
    return datetime.combine((first + timedelta(days=32)).replace(day=1), time.min, zone)
