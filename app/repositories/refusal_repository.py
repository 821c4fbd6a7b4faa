"""Images that a model has refused: not asked about again for a while, never a category. SQL only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.database import Database, Params, Sql, to_sql_time
from app.models.domain import Usage

_SELECT_REFUSED = Sql.same("""
SELECT 1 FROM classification_refusal WHERE image_hash = :image_hash AND expires_at > :now
""")

_UPSERT_REFUSAL = Sql(
    mysql="""
INSERT INTO classification_refusal
  (image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens)
VALUES (:image_hash, :expires_at, :now, :input_tokens, :output_tokens, :cached_tokens) AS new
ON DUPLICATE KEY UPDATE
  expires_at = new.expires_at,
  refused_at = new.refused_at,
  input_tokens = classification_refusal.input_tokens + new.input_tokens,
  output_tokens = classification_refusal.output_tokens + new.output_tokens,
  cached_tokens = classification_refusal.cached_tokens + new.cached_tokens
""",
    sqlite="""
INSERT INTO classification_refusal
  (image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens)
VALUES (:image_hash, :expires_at, :now, :input_tokens, :output_tokens, :cached_tokens)
ON CONFLICT (image_hash) DO UPDATE SET
  expires_at = excluded.expires_at,
  refused_at = excluded.refused_at,
  input_tokens = input_tokens + excluded.input_tokens,
  output_tokens = output_tokens + excluded.output_tokens,
  cached_tokens = cached_tokens + excluded.cached_tokens
""",
)


@dataclass(frozen=True, slots=True)
class RefusalRepository:
    """Remembers refusals. Both methods raise `DatabaseUnavailable`."""

    database: Database

    async def is_refused(self, image_hash: str, now: datetime) -> bool:
        """Whether a model has refused this image and is not to be asked about it yet."""
        params: Params = {"image_hash": image_hash, "now": to_sql_time(now)}
        return bool(await self.database.fetch_all(_SELECT_REFUSED, params))

    async def upsert(self, image_hash: str, now: datetime, ttl_seconds: int, usage: Usage) -> None:
        """Remember a refusal for `ttl_seconds`, and for good what it cost."""
        params: Params = {
            "image_hash": image_hash,
            "now": to_sql_time(now),
            "expires_at": to_sql_time(now + timedelta(seconds=ttl_seconds)),
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
        }
        await self.database.commit([(_UPSERT_REFUSAL, params)])
