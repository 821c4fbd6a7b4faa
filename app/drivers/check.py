"""What a database is asked to see whether it can serve: whether it has the migrations that this code needs, and every
column that is read or written. A database with more migrations than that serves as well: they take nothing away that
is read or written."""

from collections.abc import Sequence

from app.database import Row, Sql
from app.drivers.migrations import COMMAND
from app.errors import DatabaseNotInitialized

NEEDED_VERSION = 12
"""The number of the last migration in sql/migrations."""

SELECT_VERSION = Sql.same("SELECT MAX(number) FROM schema_version")

_COLUMNS = {
    "image_classification_cache": (
        "image_hash, category, confidence, description, model_used, model_response, prompt_version, "
        "input_tokens, output_tokens, cached_tokens, hit_count, created_at, last_hit_at, image_size"
    ),
    "request_log": (
        "request_id, user_id, ip_address, image_hash, image_size, category, confidence, from_cache, "
        "processing_time_ms, created_at, matched_by, saved_bytes"
    ),
    "classification_refusal": "image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens",
    "lease": "name, owner, expires_at",
    "model_call": (
        "id, request_id, image_hash, provider, model, prompt_version, outcome, input_tokens, output_tokens, "
        "cached_tokens, lane, cost, duration_ms, created_at"
    ),
    "image_alias": "name, image_hash, matched_by, distance, created_at",
    "image_fingerprint": "id, image_hash, pdq, quality, width, height, created_at",
    "fingerprint_slot": "slot, value, fingerprint_id",
    "near_trial": "id, request_id, image_hash, neighbour_hash, distance, near_category, model_category, created_at",
    "ledger_writer": "writer, last_batch",
    "budget": "period, spent, told",
    "budget_reservation": "id, day, amount, expires_at",
    "client_calls": "day, client, calls",
    "signature_nonce": "key_id, nonce, request_id, expires_at",
    "change_counter": "topic, number",
    "cache_change": "number, image_hash, kind, changed_at",
    "feedback": "id, user_id, image_hash, request_id, category, answered, created_at, number",
    "erased_user": "user_digest, erased_at",
    "audit": (
        "id, request_id, key_name, ip_address, action, image_hash, reason, value_before, value_after, created_at"
    ),
    "stats_outbox": "id, sign, records, calls, images, cache_hits",
    "stats_state": "id, version, timezone, built_at, images, cache_hits, minutes_version, minutes_since",
    "stats_request": "day, kind, requests, processing_ms, timed, uploaded_bytes, not_uploaded, saved_bytes",
    "stats_category": "day, category, requests, confidence",
    "stats_latency": "day, kind, bucket, requests",
    "stats_call": (
        "day, provider, model, lane, outcome, calls, input_tokens, output_tokens, cached_tokens, cost, "
        "unpriced_input_tokens, unpriced_output_tokens, timed, duration_ms"
    ),
    "stats_member": "day, kind, member, requests",
    "stats_distinct": "day, kind, members",
    "stats_user": "user_id, requests, cache_hits",
    "stats_recent": "moment, kind, requests",
    "stats_minute": "minute, kind, bucket, requests",
    "stats_minute_call": "minute, calls, cost, unpriced_input_tokens, unpriced_output_tokens",
}
"""Of every table, what the code reads or writes."""

# One statement for all: probes and dashboards ask often, and each would cost a round trip.
_PARTS = (
    f"EXISTS (SELECT {columns} FROM {table} LIMIT 0)"  # noqa: S608  # nosec B608  # names above
    for table, columns in _COLUMNS.items()
)
CHECK = Sql.same(f"SELECT {', '.join(_PARTS)}")


def check_version(rows: Sequence[Row]) -> None:
    """Return if what `SELECT_VERSION` found is new enough. Raises `DatabaseNotInitialized`."""
    version = rows[0][0] or 0
    if version < NEEDED_VERSION:
        raise DatabaseNotInitialized(
            detail=f"the schema is at version {version}, this code needs {NEEDED_VERSION}: run {COMMAND}"
        )
