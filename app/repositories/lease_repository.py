"""Leases: who is asking a model about which image right now. SQL only; the database's clock says when one ends."""

from dataclasses import dataclass

from app.database import Database, Params, Sql

# Of many that claim at once, one wins. MySQL lets later assignments see earlier ones: expires_at sees the new owner.
_CLAIM = Sql(
    mysql="""
INSERT INTO classification_lease (image_hash, owner, expires_at)
VALUES (:image_hash, :owner, NOW(3) + INTERVAL :seconds SECOND)
ON DUPLICATE KEY UPDATE
  owner = IF(expires_at <= NOW(3) OR owner = :owner, :owner, owner),
  expires_at = IF(owner = :owner, NOW(3) + INTERVAL :seconds SECOND, expires_at)
""",
    sqlite="""
INSERT INTO classification_lease (image_hash, owner, expires_at)
VALUES (:image_hash, :owner, strftime('%Y-%m-%d %H:%M:%f', 'now', :seconds || ' seconds'))
ON CONFLICT (image_hash) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
WHERE classification_lease.expires_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
  OR classification_lease.owner = excluded.owner
""",
)

_RELEASE = Sql.same("DELETE FROM classification_lease WHERE image_hash = :image_hash AND owner = :owner")


@dataclass(frozen=True, slots=True)
class LeaseRepository:
    """Claims and releases leases. Both methods raise `DatabaseUnavailable`."""

    database: Database

    async def claim(self, image_hash: str, owner: str, seconds: int) -> bool:
        """Whether the lease is `owner`'s from now on, for `seconds`: it was free, has ended, or was theirs already."""
        params: Params = {"image_hash": image_hash, "owner": owner, "seconds": seconds}
        return await self.database.execute(_CLAIM, params) > 0

    async def release(self, image_hash: str, owner: str) -> None:
        """Give the lease up, if it is still `owner`'s."""
        await self.database.execute(_RELEASE, {"image_hash": image_hash, "owner": owner})
