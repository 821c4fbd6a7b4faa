"""Where days begin and end."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.utils.days import last_days, next_day, next_month


@pytest.mark.parametrize(
    ("zone", "now", "days", "first", "end"),
    [
        ("UTC", "2025-06-01T12:00:00", 1, "2025-06-01T00:00:00", "2025-06-02T00:00:00"),
        ("UTC", "2025-06-01T00:00:00", 30, "2025-05-03T00:00:00", "2025-06-02T00:00:00"),
        ("Asia/Shanghai", "2025-06-01T16:00:00", 2, "2025-05-31T16:00:00", "2025-06-02T16:00:00"),
        ("America/New_York", "2025-03-09T12:00:00", 1, "2025-03-09T05:00:00", "2025-03-10T04:00:00"),  # 23 hours
        ("America/New_York", "2025-11-03T12:00:00", 2, "2025-11-02T04:00:00", "2025-11-04T05:00:00"),  # 25 and 24
    ],
)
def test_days_are_those_of_the_calendar_of_the_zone(zone: str, now: str, days: int, first: str, end: str) -> None:
    span = last_days(datetime.fromisoformat(f"{now}+00:00"), ZoneInfo(zone), days)

    assert (span.start, span.end) == (datetime.fromisoformat(f"{first}+00:00"), datetime.fromisoformat(f"{end}+00:00"))


@pytest.mark.parametrize(
    ("zone", "now", "day", "month"),
    [
        ("UTC", "2025-01-31T23:59:59", "2025-02-01T00:00:00", "2025-02-01T00:00:00"),
        ("UTC", "2025-12-01T00:00:00", "2025-12-02T00:00:00", "2026-01-01T00:00:00"),
        ("Asia/Shanghai", "2025-11-30T16:00:00", "2025-12-01T16:00:00", "2025-12-31T16:00:00"),
        ("Europe/Berlin", "2025-10-25T22:30:00", "2025-10-26T23:00:00", "2025-10-31T23:00:00"),  # a day of 25 hours
    ],
)
def test_days_and_months_end_where_the_zone_says(zone: str, now: str, day: str, month: str) -> None:
    moment, where = datetime.fromisoformat(f"{now}+00:00"), ZoneInfo(zone)

    assert next_day(moment, where) == datetime.fromisoformat(f"{day}+00:00")
    assert next_month(moment, where) == datetime.fromisoformat(f"{month}+00:00")
