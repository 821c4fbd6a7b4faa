"""Sums of the statistics: what rows of the outbox add up to, and rows of the rollup tables beside them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.database import Row
from app.errors import StatisticsNotBuilt
from app.models.domain import LOCAL_PROVIDER
from app.utils.days import Calendar
from app.utils.latency_buckets import bucket_of

ALL_DAYS = "1000-01-01"
"""The day of members that are counted once over all days: the first that MySQL can have."""

USER, ADDRESS, IMAGE = "user", "address", "image"
HIT, PAID = "hit", "paid"
UNTIMED = -1
"""The bucket of requests that do not say how long they took."""

_NOT_AS_WRITTEN = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What reading a row raises that none of us has written so."""

Key = tuple[str | int, ...]
Sums = dict[Key, list[int]]


class RollupSums:
    """Sums by key, one dictionary for each rollup table. The first part of a key is the day, but for users."""

    def __init__(self) -> None:
        self.requests: Sums = {}
        """By day and kind of name (empty: a model was asked): requests, processing_ms, timed, uploaded_bytes,
        not_uploaded, saved_bytes."""

        self.recent: Sums = {}
        """By the first of five seconds and kind of name: requests."""

        self.minutes: Sums = {}
        """By minute, kind of name and bucket of the time taken: requests."""

        self.minute_calls: Sums = {}
        """By minute: questions to vendors, their cost, and input and output tokens of those whose cost is not known."""

        self.categories: Sums = {}
        """By day and category: requests, confidence in parts of 10,000."""

        self.latencies: Sums = {}
        """By day, hit or paid, and bucket: requests."""

        self.calls: Sums = {}
        """By day, provider, model, lane and outcome: the columns of `stats_call`."""

        self.members: Sums = {}
        """By day, kind and member: requests."""

        self.users: Sums = {}
        """By user: requests, cache hits."""

        self.images = self.cache_hits = 0
        self.shrunk_days: set[str] = set()
        """Those that rows were taken from."""

    def add_outbox(self, rows: Iterable[Row], zone: ZoneInfo) -> None:
        """Add rows of the outbox: id, sign, records, calls, images, cache_hits.

        Raises `StatisticsNotBuilt` where one of them cannot be read: what it stands for is in the tables alone then.
        """
        calendar = Calendar(zone)
        for outbox_id, sign, records, calls, images, cache_hits in rows:
            try:
                self.add_records(records, sign, calendar)
                self.add_calls(calls, sign, calendar)
            except _NOT_AS_WRITTEN as error:
                raise StatisticsNotBuilt(detail=f"row {outbox_id} of the outbox cannot be read") from error
            self.images += int(images)
            self.cache_hits += int(cache_hits)

    def add_records(self, text: str, sign: int, calendar: Calendar) -> None:
        """Add what counts of rows of requests, or of who made them; with -1 for `sign` take it away."""
        by_kind, categories, users = self.requests, self.categories, self.users
        members: Counter[Key] = Counter()
        alike: Counter[tuple[str, str, int | None]] = Counter()  # by second, kind and the time taken
        key: Key
        for moment, user, address, size, category, confidence, hit, took_ms, name, saved in json.loads(text):
            day = calendar.day_of(moment)
            # In place, without a call for each: this is done for every request that is answered.
            if user is not None:
                members[day, USER, user] += sign
                row = users.get(key := (user,)) or users.setdefault(key, [0, 0])
                row[0] += sign
                row[1] += sign * bool(hit)
            if address is not None:
                members[day, ADDRESS, address] += sign
            if sign < 0:
                self.shrunk_days.add(day)
            if category is None:  # the request still counts
                continue
            kind = (name or "bytes") if hit else ""
            alike[moment, kind, took_ms] += sign
            row = by_kind.get(key := (day, kind)) or by_kind.setdefault(key, [0] * 6)
            row[0] += sign
            row[1] += sign * (took_ms or 0)
            row[2] += sign * (took_ms is not None)
            row[3] += sign * (size or 0)
            row[4] += sign * (size is None)
            row[5] += sign * (saved or 0)
            row = categories.get(key := (day, category)) or categories.setdefault(key, [0, 0])
            row[0] += sign
            row[1] += sign * round(confidence * 10_000)
        for key, number in members.items():
            _add(self.members, key, (number,), 1)
        for (moment, kind, took_ms), number in alike.items():
            bucket = UNTIMED if took_ms is None else bucket_of(took_ms)
            _add(self.recent, (point_of(moment), kind), (number,), 1)
            _add(self.minutes, (f"{moment[:16]}:00", kind, bucket), (number,), 1)
            if took_ms is not None:
                _add(self.latencies, (calendar.day_of(moment), HIT if kind else PAID, bucket), (number,), 1)

    def add_calls(self, text: str, sign: int, calendar: Calendar) -> None:
        """Add what counts of rows of questions to models. Images are those that a vendor was asked about."""
        for moment, image_hash, provider, model, lane, outcome, *tokens, cost, took_ms in json.loads(text):
            day = calendar.day_of(moment)
            paid, output, cached = tokens
            unpriced = (paid, output) if cost is None else (0, 0)
            amounts = (1, paid, output, cached, _in_units(cost), *unpriced, int(took_ms is not None), took_ms or 0)
            _add(self.calls, (day, provider or "", model or "", lane, outcome), amounts, sign)
            if provider != LOCAL_PROVIDER:
                _add(self.minute_calls, (f"{moment[:16]}:00",), (1, _in_units(cost), *unpriced), sign)
                _add(self.members, (day, IMAGE, image_hash), (1,), sign)
                _add(self.members, (ALL_DAYS, IMAGE, image_hash), (1,), sign)


def point_of(moment: str) -> str:
    """Return the first of the five seconds that a moment (`2025-10-10 12:00:07`) is in."""
    return f"{moment[:18]}{'0' if moment[18:19] < '5' else '5'}"


def merge(sums: Sums, rows: Iterable[Row], key_width: int) -> Sums:
    """Add rows of a rollup table, whose first columns are the key, to sums; return them."""
    for row in rows:
        day, *rest = row[:key_width]
        _add(sums, (str(day), *rest), [int(value) for value in row[key_width:]], 1)
    return sums


def within(sums: Sums, first: str, last: str) -> Sums:
    """Return the sums of these days, as a copy."""
    return {key: list(values) for key, values in sums.items() if first <= str(key[0]) <= last}


def rows_json(rows: Sums) -> str:
    """Return the rows of a table, sorted by their key. Raises `StatisticsNotBuilt` where keys are not of one kind."""
    try:
        return json.dumps([(*key, *amounts) for key, amounts in sorted(rows.items())], separators=(",", ":"))
    except TypeError as error:
        raise StatisticsNotBuilt(detail="what is in the outbox does not fit together") from error


def _add(sums: Sums, key: Key, amounts: Sequence[int], sign: int) -> None:
    known = sums.get(key)
    if known is None:
        sums[key] = [sign * amount for amount in amounts]
    else:
        for place, amount in enumerate(amounts):
            known[place] += sign * amount


def _in_units(cost: str | float | None) -> int:
    """Return a cost in units of the tenth decimal place. SQLite has no decimals, but floats that are near enough."""
    return 0 if cost is None else int((Decimal(str(cost)) * 10**10).to_integral_value())
