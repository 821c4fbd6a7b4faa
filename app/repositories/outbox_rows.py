"""What of the rows of a batch counts in the statistics, as their outbox holds it: plain values, by place."""

from collections.abc import Iterable
from operator import itemgetter

from app.repositories.row_types import JsonRow, as_json

_RECORD_WIDTH = 12
_OF_RECORD = itemgetter(9, 1, 2, 4, 5, 6, 7, 8, 10, 11)
"""created_at, user_id, ip_address, image_size, category, confidence, from_cache, processing_time_ms, matched_by,
saved_bytes: `outbox_statements` selects the same from rows that are deleted, and from all rows for a rebuild."""

_OF_CALL = itemgetter(12, 0, 2, 3, 9, 5, 6, 7, 8, 10, 11)
"""created_at, image_hash, provider, model, lane, outcome, input_tokens, output_tokens, cached_tokens, cost,
duration_ms."""


def records_json(rows: Iterable[JsonRow]) -> str:
    """Return what counts of rows of requests. Those of an older version may be shorter."""
    return as_json([_OF_RECORD(row if len(row) >= _RECORD_WIDTH else _widened(row)) for row in rows])


def calls_json(rows: Iterable[JsonRow]) -> str:
    """Return what counts of rows of questions to models."""
    return as_json([_OF_CALL(row) for row in rows])


def _widened(row: JsonRow) -> JsonRow:
    return row + (None,) * (_RECORD_WIDTH - len(row))
