"""By which names answers were found, and what was not uploaded for it, as sums over the request log. SQL only."""

from dataclasses import dataclass
from datetime import datetime

from app.database import Database, Params, Sql, to_sql_time
from app.models.identity import MatchTotals
from app.repositories.categories import matched_by_of

_TIMEOUT_SECONDS = 30.0

# Hits from before names were written down were hits by the SHA-256 of the file: there was no other.
_SUM_MATCHES = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(30000) */
  CASE WHEN from_cache = 1 THEN COALESCE(matched_by, 'bytes') END AS kind,
  from_cache,
  COUNT(*),
  SUM(CASE WHEN image_size IS NULL THEN 1 ELSE 0 END),
  SUM(COALESCE(saved_bytes, 0))
FROM request_log
WHERE created_at >= :start AND created_at < :end
GROUP BY kind, from_cache
ORDER BY from_cache, kind
""")


@dataclass(frozen=True, slots=True)
class IdentityRepository:
    """Sums up what each kind of name was worth."""

    database: Database

    async def sum_matches(self, start: datetime, end: datetime) -> list[MatchTotals]:
        """Sum up the requests from `start` up to, not including, `end`. Raises `DatabaseUnavailable`."""
        span: Params = {"start": to_sql_time(start), "end": to_sql_time(end)}
        rows = await self.database.fetch_all(_SUM_MATCHES, span, timeout_seconds=_TIMEOUT_SECONDS)
        return [
            MatchTotals(matched_by_of(kind), bool(from_cache), requests, int(not_uploaded), int(saved_bytes))
            for kind, from_cache, requests, not_uploaded, saved_bytes in rows
        ]
