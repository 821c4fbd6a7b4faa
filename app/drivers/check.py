"""What a database is asked to see whether it can serve: whether it has the migrations that this code needs, and every
column that is read or written. A database with more migrations than that serves as well: they take nothing away that
is read or written."""

from collections.abc import Sequence

from app.database import Row, Sql
from app.drivers.migrations import COMMAND
from app.errors import DatabaseNotInitialized

NEEDED_VERSION = 11
"""The number of the last migration in sql/migrations."""

SELECT_VERSION = Sql.same("SELECT MAX(number) FROM schema_version")

CHECKS = (
    Sql.same("""
SELECT image_hash, category, confidence, description, model_used, model_response, prompt_version,
  input_tokens, output_tokens, cached_tokens, hit_count, created_at, last_hit_at, image_size
FROM image_classification_cache LIMIT 0
"""),
    Sql.same("""
SELECT request_id, user_id, ip_address, image_hash, image_size, category, confidence,
  from_cache, processing_time_ms, created_at, matched_by, saved_bytes
FROM request_log LIMIT 0
"""),
    Sql.same("""
SELECT image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens
FROM classification_refusal LIMIT 0
"""),
    Sql.same("SELECT name, owner, expires_at FROM lease LIMIT 0"),
    Sql.same("""
SELECT id, request_id, image_hash, provider, model, prompt_version, outcome,
  input_tokens, output_tokens, cached_tokens, lane, cost, duration_ms, created_at
FROM model_call LIMIT 0
"""),
    Sql.same("SELECT name, image_hash, matched_by, distance, created_at FROM image_alias LIMIT 0"),
    Sql.same("SELECT id, image_hash, pdq, quality, width, height, created_at FROM image_fingerprint LIMIT 0"),
    Sql.same("SELECT slot, value, fingerprint_id FROM fingerprint_slot LIMIT 0"),
    Sql.same("""
SELECT id, request_id, image_hash, neighbour_hash, distance, near_category, model_category, created_at
FROM near_trial LIMIT 0
"""),
    Sql.same("SELECT writer, last_batch FROM ledger_writer LIMIT 0"),
    Sql.same("SELECT period, spent, told FROM budget LIMIT 0"),
    Sql.same("SELECT id, day, amount, expires_at FROM budget_reservation LIMIT 0"),
    Sql.same("SELECT day, client, calls FROM client_calls LIMIT 0"),
    Sql.same("SELECT key_id, nonce, request_id, expires_at FROM signature_nonce LIMIT 0"),
    Sql.same("SELECT topic, number FROM change_counter LIMIT 0"),
    Sql.same("SELECT number, image_hash, kind, changed_at FROM cache_change LIMIT 0"),
    Sql.same("""
SELECT id, user_id, image_hash, request_id, category, answered, created_at, number FROM feedback LIMIT 0
"""),
    Sql.same("SELECT user_digest, erased_at FROM erased_user LIMIT 0"),
    Sql.same("""
SELECT id, request_id, key_name, ip_address, action, image_hash, reason, value_before, value_after, created_at
FROM audit LIMIT 0
"""),
    Sql.same("SELECT id, sign, records, calls, images, cache_hits FROM stats_outbox LIMIT 0"),
    Sql.same("SELECT id, version, timezone, built_at, images, cache_hits FROM stats_state LIMIT 0"),
    Sql.same("""
SELECT day, kind, requests, processing_ms, timed, uploaded_bytes, not_uploaded, saved_bytes FROM stats_request LIMIT 0
"""),
    Sql.same("SELECT day, category, requests, confidence FROM stats_category LIMIT 0"),
    Sql.same("SELECT day, kind, bucket, requests FROM stats_latency LIMIT 0"),
    Sql.same("""
SELECT day, provider, model, lane, outcome, calls, input_tokens, output_tokens, cached_tokens, cost,
  unpriced_input_tokens, unpriced_output_tokens, timed, duration_ms
FROM stats_call LIMIT 0
"""),
    Sql.same("SELECT day, kind, member, requests FROM stats_member LIMIT 0"),
    Sql.same("SELECT day, kind, members FROM stats_distinct LIMIT 0"),
    Sql.same("SELECT user_id, requests, cache_hits FROM stats_user LIMIT 0"),
    Sql.same("SELECT moment, kind, requests FROM stats_recent LIMIT 0"),
)


def check_version(rows: Sequence[Row]) -> None:
    """Return if what `SELECT_VERSION` found is new enough. Raises `DatabaseNotInitialized`."""
    version = rows[0][0] or 0
    if version < NEEDED_VERSION:
        raise DatabaseNotInitialized(
            detail=f"the schema is at version {version}, this code needs {NEEDED_VERSION}: run {COMMAND}"
        )
