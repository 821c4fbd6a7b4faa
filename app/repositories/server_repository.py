"""What the database server says of itself, and what the newest requests say of who is in front of us. SQL only."""

from dataclasses import dataclass

from app.database import Database, Sql
from app.repositories.cache_repository import LOOKUP_SECONDS

_SELECT_SERVER = Sql(
    mysql="""
SELECT VERSION(), @@GLOBAL.read_only, @@GLOBAL.max_connections, UNIX_TIMESTAMP(NOW(6))
""",
    sqlite="SELECT sqlite_version(), 0, NULL, (julianday('now') - 2440587.5) * 86400.0",
)

# Variables that are there only where the plugin is.
_SHOW_GROUP = Sql(
    mysql="""
SHOW GLOBAL VARIABLES
WHERE Variable_name IN ('group_replication_group_name', 'group_replication_consistency')
""",
    sqlite="SELECT NULL, NULL LIMIT 0",
)

# The newest requests only: what the proxy did last year says nothing.
_SELECT_SENDERS = Sql.same("""
SELECT ip_address, COUNT(DISTINCT user_id) AS users
FROM (SELECT ip_address, user_id FROM request_log ORDER BY id DESC LIMIT 1000) AS newest
WHERE ip_address IS NOT NULL
GROUP BY ip_address
ORDER BY users DESC, ip_address
LIMIT 10
""")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A database server. `max_connections` is None where there is no such limit; `clock` is in seconds since 1970."""

    version: str
    takes_writes: bool
    max_connections: int | None
    clock: float
    group_consistency: str | None
    """What it promises as a member of a group; None outside."""


@dataclass(frozen=True, slots=True)
class Sender:
    """An address that requests came from, and of how many users."""

    ip_address: str
    users: int


@dataclass(frozen=True, slots=True)
class ServerRepository:
    """Asks what no request needs to know. Every method raises `DatabaseUnavailable`."""

    database: Database

    async def fetch_facts(self) -> ServerFacts:
        """Return what the server says of itself."""
        (row,) = await self.database.fetch_all(_SELECT_SERVER, {}, timeout_seconds=LOOKUP_SECONDS)
        version, read_only, max_connections, clock = row
        limit = None if max_connections is None else int(max_connections)
        group: dict[str, str] = dict(await self.database.fetch_all(_SHOW_GROUP, {}, timeout_seconds=LOOKUP_SECONDS))
        consistency = group.get("group_replication_consistency") if group.get("group_replication_group_name") else None
        return ServerFacts(str(version), not read_only, limit, float(clock), consistency)

    async def fetch_senders(self) -> list[Sender]:
        """Return the addresses that sent the newest 1,000 logged requests, those of most users first, at most 10."""
        return [Sender(ip_address, users) for ip_address, users in await self.database.fetch_all(_SELECT_SENDERS, {})]
