"""What a database is asked to see whether it can serve: whether it has every column that is read or written."""

from app.database import Sql

CHECKS = (
    Sql.same("""
SELECT image_hash, category, confidence, description, model_used, model_response, prompt_version,
  input_tokens, output_tokens, cached_tokens, hit_count, created_at, last_hit_at
FROM image_classification_cache LIMIT 0
"""),
    Sql.same("""
SELECT request_id, user_id, ip_address, image_hash, image_size, category, confidence,
  from_cache, processing_time_ms, created_at
FROM request_log LIMIT 0
"""),
    Sql.same("""
SELECT image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens
FROM classification_refusal LIMIT 0
"""),
    Sql.same("SELECT image_hash, owner, expires_at FROM classification_lease LIMIT 0"),
    Sql.same("SELECT writer, last_batch FROM ledger_writer LIMIT 0"),
    Sql.same("SELECT key_id, nonce, request_id, expires_at FROM signature_nonce LIMIT 0"),
)
