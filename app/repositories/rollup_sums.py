"""Sums of the statistics: what rows of the outbox add up to, and rows of the rollup tables beside them."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.database import Row
from app.models.domain import LOCAL_PROVIDER
from app.utils.days import Calendar
from app.utils.latency_buckets import bucket_of

ALL_DAYS = "1000-01-01"
"""The day of members that are counted once over all days: the first that MySQL can have."""

USER, ADDRESS, IMAGE = "user", "address", "image"
HIT, PAID = "hit", "paid"

Key = tuple[str | int, ...]
Sums = dict[Key, list[int]]


class RollupSums:
    """Sums by key, one dictionary for each rollup table. The first part of a key is the day, but for users."""

    def __init__(self) -> None:
        self.requests: Sums = {}
        """By day and kind of name (empty: a model was asked): requests, processing_ms, timed, uploaded_bytes,
        not_uploaded, saved_bytes."""

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
        """Add rows of the outbox: id, sign, records, calls, images, cache_hits."""
        calendar = Calendar(zone)
        for _, sign, records, calls, images, cache_hits in rows:
            self.add_records(records, sign, calendar)
            self.add_calls(calls, sign, calendar)
            self.images += int(images)
            self.cache_hits += int(cache_hits)

    def add_records(self, text: str, sign: int, calendar: Calendar) -> None:
        """Add what counts of rows of requests; with -1 for `sign` take it away."""
        requests, members, users = self.requests, self.members, self.users
        for moment, user, address, size, category, confidence, hit, took_ms, name, saved in json.loads(text):
            day = calendar.day_of(moment)
            uploaded = size is not None
            timed = took_ms is not None
            amounts = (1, took_ms or 0, int(timed), size or 0, int(not uploaded), saved or 0)
            if sign < 0:
                self.shrunk_days.add(day)
            _add(requests, (day, (name or "bytes") if hit else ""), amounts, sign)
            _add(self.categories, (day, category), (1, round(confidence * 10_000)), sign)
            if timed:
                _add(self.latencies, (day, HIT if hit else PAID, bucket_of(took_ms)), (1,), sign)
            if user is not None:
                _add(members, (day, USER, user), (1,), sign)
                _add(users, (user,), (1, int(bool(hit))), sign)
            if address is not None:
                _add(members, (day, ADDRESS, address), (1,), sign)

    def add_calls(self, text: str, sign: int, calendar: Calendar) -> None:
        """Add what counts of rows of questions to models. Images are those that a vendor was asked about."""
        for moment, image_hash, provider, model, lane, outcome, *tokens, cost, took_ms in json.loads(text):
            day = calendar.day_of(moment)
            paid, output, cached = tokens
            unpriced = (paid, output) if cost is None else (0, 0)
            amounts = (1, paid, output, cached, _in_units(cost), *unpriced, int(took_ms is not None), took_ms or 0)
            _add(self.calls, (day, provider or "", model or "", lane, outcome), amounts, sign)
            if provider != LOCAL_PROVIDER:
                _add(self.members, (day, IMAGE, image_hash), (1,), sign)
                _add(self.members, (ALL_DAYS, IMAGE, image_hash), (1,), sign)

    def count_distinct(self, known: Sequence[Row]) -> Sums:
        """Return by day and kind how many more members there are with these sums than without them.

        `known` has those of the members that are in `stats_member`: day, kind, member, requests.
        """
        before = {(str(day), kind, member): int(requests) for day, kind, member, requests in known}
        changes: Sums = {}
        for key, (requests,) in self.members.items():
            earlier = before.get((str(key[0]), str(key[1]), str(key[2])), 0)
            if change := int(earlier + requests > 0) - int(earlier > 0):
                _add(changes, key[:2], (change,), 1)
        return changes


def merge(sums: Sums, rows: Iterable[Row], key_width: int) -> Sums:
    """Add rows of a rollup table, whose first columns are the key, to sums; return them."""
    for row in rows:
        day, *rest = row[:key_width]
        _add(sums, (str(day), *rest), [int(value) for value in row[key_width:]], 1)
    return sums


def within(sums: Sums, first: str, last: str) -> Sums:
    """Return the sums of these days, as a copy."""
    return {key: list(values) for key, values in sums.items() if first <= str(key[0]) <= last}


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
