"""Leases: what one process at a time does, and which does it now. SQL only; the database's clock says when one ends."""

from dataclasses import dataclass

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

_RELEASE = Sql.same("DELETE FROM lease WHERE name = :name AND owner = :owner")


@dataclass(frozen=True, slots=True)
class LeaseRepository:
    """Claims and releases leases. Both methods raise `DatabaseUnavailable`."""

    database: Database

    async def claim(self, name: str, owner: str, seconds: int) -> bool:
        """Whether the lease is `owner`'s from now on, for `seconds`: it was free, has ended, or was theirs already.

        Names are at most 96 ASCII characters and begin with what they are the name of: `photo:<hash>`.
        """
        params: Params = {"name": name, "owner": owner, "seconds": seconds}
        return await self.database.execute(_CLAIM, params) > 0

    async def release(self, name: str, owner: str) -> None:
        """Give the lease up, if it is still `owner`'s."""
        await self.database.execute(_RELEASE, {"name": name, "owner": owner})
