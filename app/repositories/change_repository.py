"""What operators have changed of the answers, for processes that remember some. SQL only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from app.database import Database, Params, Sql
from app.models.correction import CacheChange

_SELECT_NUMBERS = Sql.same("""
SELECT t.topic, t.number, c.image_hash, c.kind, c.changed_at
FROM change_counter AS t
LEFT JOIN cache_change AS c ON t.topic = 'answers' AND c.number = t.number
""")

_SELECT_CHANGES = Sql.same("""
SELECT number, image_hash, kind, changed_at
FROM cache_change
WHERE number > :after
ORDER BY number
LIMIT :limit
""")

# By the database's clock, which all processes share. The last one stays: processes that have seen it and such that
# start later would else stamp what they read in two ways.
_DELETE_OLDER = Sql(
    mysql="""
DELETE FROM cache_change
WHERE changed_at < NOW() - INTERVAL :seconds SECOND
  AND number < (SELECT number FROM change_counter WHERE topic = 'answers')
ORDER BY number LIMIT :slice
""",
    sqlite="""
DELETE FROM cache_change
WHERE number IN (
  SELECT number FROM cache_change
  WHERE changed_at < datetime('now', -:seconds || ' seconds')
    AND number < (SELECT number FROM change_counter WHERE topic = 'answers')
  ORDER BY number LIMIT :slice
)
""",
)


@dataclass(frozen=True, slots=True)
class ChangeRepository:
    """Reads what has changed. Every method raises `DatabaseUnavailable`."""

    database: Database

    async def fetch_numbers(self) -> tuple[dict[str, int], int]:
        """Return the number of the last change of each topic; and the mark of that of answers, 0 without one."""
        numbers, mark = {}, 0
        for topic, number, *change in await self.database.fetch_all(_SELECT_NUMBERS, {}):
            numbers[topic] = int(number)
            if change[0] is not None:
                mark = _mark_of(*change)
        return numbers, mark

    async def fetch_changes(self, after: int, limit: int) -> list[CacheChange]:
        """Return the changes of answers behind this number, the oldest first."""
        params: Params = {"after": after, "limit": limit}
        rows = await self.database.fetch_all(_SELECT_CHANGES, params)
        return [
            CacheChange(int(number), image_hash, kind == "deleted", _mark_of(image_hash, kind, at))
            for number, image_hash, kind, at in rows
        ]

    async def delete_older(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` changes above an age, but for the last one; return how many went."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        return await self.database.execute(_DELETE_OLDER, params)


def _mark_of(image_hash: str, kind: str, changed_at: datetime | str) -> int:
    return crc32(f"{image_hash} {kind} {changed_at}".encode())
