"""The request log as it is, page by page, in the order in which it was written. SQL only."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.database import Database, Params, Sql, from_sql_time, to_sql_time

COLUMNS = (
    "request_id",
    "user_id",
    "ip_address",
    "image_hash",
    "image_size",
    "category",
    "confidence",
    "from_cache",
    "matched_by",
    "processing_time_ms",
    "saved_bytes",
    "created_at",
)
_PAGE_TIMEOUT_SECONDS = 30.0
_COUNT_TIMEOUT_SECONDS = 600.0

# By a range of the key, so that a page costs no more where few of its records are asked for. `:until` is exclusive.
_SELECT_ENDS = Sql.same("SELECT COALESCE(MIN(id), 1), COALESCE(MAX(id), 0) FROM request_log")
_SELECT_PAGE = Sql.same(f"""
SELECT {", ".join(COLUMNS)}
FROM request_log
WHERE id > :after AND id <= :after + :rows AND created_at >= :since AND created_at < :until
  AND (:user_id IS NULL OR user_id = :user_id)
ORDER BY id
""")  # noqa: S608  # nosec B608  # names of columns

# Reads all of the log: there is no index of times, which every request would pay for.
_COUNT = Sql.same("""
SELECT /*+ MAX_EXECUTION_TIME(600000) */ COUNT(*) FROM request_log
WHERE created_at >= :since AND created_at < :until AND (:user_id IS NULL OR user_id = :user_id)
""")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records: from `since` up to, not including, `until`, of one user or of all."""

    since: datetime
    until: datetime
    user_id: str | None = None

    @property
    def params(self) -> dict[str, str | int | float | None]:
        return {"since": to_sql_time(self.since), "until": to_sql_time(self.until), "user_id": self.user_id}


@dataclass(frozen=True, slots=True)
class ExportRepository:
    """Reads all of the request log. Every method raises `DatabaseUnavailable`."""

    database: Database

    async def count(self, selection: Selection) -> int:
        """Return how many records there are to be read."""
        ((count,),) = await self.database.fetch_all(_COUNT, selection.params, timeout_seconds=_COUNT_TIMEOUT_SECONDS)
        return int(count)

    async def fetch_pages(self, selection: Selection, rows: int) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the records by the names of their columns, at most `rows` at a time.

        What is written meanwhile is not in it; what is there at the beginning is, once.
        """
        ((first, last),) = await self.database.fetch_all(_SELECT_ENDS, {})
        for after in range(int(first) - 1, int(last), rows):
            params: Params = {**selection.params, "after": after, "rows": rows}
            page = await self.database.fetch_all(_SELECT_PAGE, params, timeout_seconds=_PAGE_TIMEOUT_SECONDS)
            yield [_record(list(values)) for values in page]


def _record(values: list[Any]) -> dict[str, Any]:
    record = dict(zip(COLUMNS, values, strict=True))
    record["confidence"] = float(record["confidence"])
    record["from_cache"] = bool(record["from_cache"])
    record["created_at"] = from_sql_time(record["created_at"])
    return record
