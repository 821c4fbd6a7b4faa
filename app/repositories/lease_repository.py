"""Leases: what one process at a time does, and which does it now. SQL only; the database's clock says when one ends."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.database import Database, Params, Sql

# Of many that claim at once, one wins. MySQL lets later assignments see earlier ones: expires_at sees the new owner.
_CLAIM = Sql(
    mysql="""
INSERT INTO lease (name, owner, expires_at)
VALUES (:name, :owner, NOW(3) + INTERVAL :seconds SECOND)
ON DUPLICATE KEY UPDATE
  owner = IF(expires_at <= NOW(3) OR owner = :owner, :owner, owner),
  expires_at = IF(owner = :owner, NOW(3) + INTERVAL :seconds SECOND, expires_at)
""",
    sqlite="""
INSERT INTO lease (name, owner, expires_at)
VALUES (:name, :owner, strftime('%Y-%m-%d %H:%M:%f', 'now', :seconds || ' seconds'))
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
WHERE lease.expires_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
  OR lease.owner = excluded.owner
""",
)

# The same for several names: those that another holds are left to them.
_MARK = Sql(
    mysql="""
INSERT INTO lease (name, owner, expires_at)
SELECT wanted.name, :owner, NOW(3) + INTERVAL :seconds SECOND
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
ON DUPLICATE KEY UPDATE
  owner = IF(lease.expires_at <= NOW(3) OR lease.owner = :owner, :owner, lease.owner),
  expires_at = IF(lease.owner = :owner, NOW(3) + INTERVAL :seconds SECOND, lease.expires_at)
""",
    sqlite="""
INSERT INTO lease (name, owner, expires_at)
SELECT value, :owner, strftime('%Y-%m-%d %H:%M:%f', 'now', :seconds || ' seconds')
FROM json_each(:names)
WHERE true
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
WHERE lease.expires_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
  OR lease.owner = excluded.owner
""",
)

_RELEASE = Sql(
    mysql="""
DELETE l
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN lease AS l FORCE INDEX (PRIMARY) ON l.name = wanted.name
WHERE l.owner = :owner
""",
    sqlite="""
DELETE FROM lease WHERE name IN (SELECT value FROM json_each(:names)) AND owner = :owner
""",
)

_SELECT_HELD = Sql(
    mysql="""
SELECT 1
FROM JSON_TABLE(:names, '$[*]' COLUMNS (
  name VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
)) AS wanted
STRAIGHT_JOIN lease AS l FORCE INDEX (PRIMARY) ON l.name = wanted.name
WHERE l.expires_at > NOW(3)
LIMIT 1
""",
    sqlite="""
SELECT 1
FROM lease
WHERE name IN (SELECT value FROM json_each(:names)) AND expires_at > strftime('%Y-%m-%d %H:%M:%f', 'now')
LIMIT 1
""",
)


_DELETE_ENDED = Sql(
    mysql="DELETE FROM lease WHERE expires_at < NOW(3) - INTERVAL :seconds SECOND ORDER BY name LIMIT :slice",
    sqlite="""
DELETE FROM lease
WHERE name IN (
  SELECT name FROM lease
  WHERE expires_at < strftime('%Y-%m-%d %H:%M:%f', 'now', -:seconds || ' seconds') ORDER BY name LIMIT :slice
)
""",
)


@dataclass(frozen=True, slots=True)
class LeaseRepository:
    """Claims and releases leases. Every method raises `DatabaseUnavailable`.

    Names are at most 96 ASCII characters and begin with what they are the name of: `photo:<name>`.
    """

    database: Database

    async def claim(self, name: str, owner: str, seconds: int) -> bool:
        """Whether the lease is `owner`'s from now on, for `seconds`: it was free, has ended, or was theirs already."""
        params: Params = {"name": name, "owner": owner, "seconds": seconds}
        return await self.database.execute(_CLAIM, params) > 0

    async def mark(self, names: Sequence[str], owner: str, seconds: int) -> None:
        """Claim or renew, for `seconds`, all of these that are free, have ended, or are `owner`'s already."""
        await self.database.execute(_MARK, {"names": _as_json(names), "owner": owner, "seconds": seconds})

    async def release(self, names: Sequence[str], owner: str) -> None:
        """Give up those of these leases that are still `owner`'s."""
        await self.database.execute(_RELEASE, {"names": _as_json(names), "owner": owner})

    async def is_held(self, names: Sequence[str]) -> bool:
        """Whether anybody holds one of these leases, which has not ended."""
        return bool(await self.database.fetch_all(_SELECT_HELD, {"names": _as_json(names)}))

    async def delete_ended(self, age: timedelta, *, slice_rows: int) -> int:
        """Delete up to `slice_rows` of those that ended so long ago: their holders died. Return how many went."""
        params: Params = {"seconds": int(age.total_seconds()), "slice": slice_rows}
        return await self.database.execute(_DELETE_ENDED, params)


def _as_json(names: Iterable[str]) -> str:
    # Sorted, so that concurrent statements lock in one order.
    return json.dumps(sorted(names))
