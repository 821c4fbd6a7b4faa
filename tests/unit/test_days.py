"""Where days begin and end."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.utils.days import last_days, next_day, next_month, yesterday_until_now


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


@pytest.mark.parametrize(
    ("zone", "now", "start", "until"),
    [
        ("UTC", "2025-06-02T14:32:59", "2025-06-01T00:00:00", "2025-06-01T14:32:00"),
        ("UTC", "2025-06-02T00:00:30", "2025-06-01T00:00:00", "2025-06-01T00:00:00"),  # nothing yet, on either day
        ("Asia/Shanghai", "2025-06-02T16:05:00", "2025-06-01T16:00:00", "2025-06-01T16:05:00"),
        ("Europe/Berlin", "2025-03-30T10:00:00", "2025-03-28T23:00:00", "2025-03-29T11:00:00"),  # noon, in summer time
        (
            "Europe/Berlin",
            "2025-03-31T10:00:00",
            "2025-03-29T23:00:00",
            "2025-03-30T10:00:00",
        ),  # after 23 hours
        ("Europe/Berlin", "2025-03-31T00:30:00", "2025-03-29T23:00:00", "2025-03-30T01:00:00"),  # 2:30 was skipped
        (
            "Europe/Berlin",
            "2025-10-26T00:30:00",
            "2025-10-24T22:00:00",
            "2025-10-25T00:30:00",
        ),  # 2:30
        ("Europe/Berlin", "2025-10-26T01:30:00", "2025-10-24T22:00:00", "2025-10-25T00:30:00"),  # 2:30 again
        ("Europe/Berlin", "2025-10-27T01:30:00", "2025-10-25T22:00:00", "2025-10-26T00:30:00"),  # shown twice yesterday
        ("Europe/Berlin", "2025-10-27T11:00:00", "2025-10-25T22:00:00", "2025-10-26T11:00:00"),  # after 25 hours
        ("America/Santiago", "2025-09-08T03:30:00", "2025-09-07T04:00:00", "2025-09-07T04:00:00"),  # no 0:30
        ("America/Havana", "2025-11-03T05:30:00", "2025-11-02T04:00:00", "2025-11-02T04:30:00"),  # two midnights
    ],
)
def test_yesterday_ends_when_its_clocks_showed_what_they_show_now(zone: str, now: str, start: str, until: str) -> None:
    told = yesterday_until_now(datetime.fromisoformat(f"{now}+00:00"), ZoneInfo(zone))

    assert [f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" for moment in told] == [start, until]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_yesterday_goes_on_as_today_does_but_where_clocks_showed_a_time_twice(zone: str) -> None:
    """A time that was skipped stops it, and it never has a part of today."""
    where, moment = ZoneInfo(zone), datetime(2025, 3, 1, tzinfo=UTC)
    while moment < datetime(2025, 4, 30, tzinfo=UTC):
        start, until = yesterday_until_now(moment, where)
        assert start <= until < last_days(moment, where, 1).start
        assert moment - until <= timedelta(hours=25)
        moment += timedelta(minutes=30)
