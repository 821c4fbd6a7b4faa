"""One server of several, and what it says of itself. Group Replication: https://dev.mysql.com/doc/refman/9.7/en/group-replication-monitoring.html"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymysql

from app.database import NodeRole
from app.drivers.mysql_connect import MySQLAddress, connect, hang_up
from app.drivers.mysql_errors import error_number, translated
from app.drivers.mysql_session import check_version
from app.errors import DatabaseMisconfigured, DatabaseNotInitialized, DatabaseUnavailable, ServiceError

_ASK_SECONDS = 2.0

_ASK = (
    "SELECT NOT (@@GLOBAL.read_only OR @@GLOBAL.super_read_only), @@server_uuid; "
    # A variable that is there only where the plugin is.
    "SHOW GLOBAL VARIABLES LIKE 'group_replication_group_name'"
)
_ASK_FOR_MEMBERS = "SELECT MEMBER_ID, MEMBER_STATE, MEMBER_ROLE FROM performance_schema.replication_group_members"
_TABLE_REFUSED = 1142

Member = tuple[str, str, str]
"""Of a group: its id, its state, its role."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a server was when it was last looked at."""

    role: NodeRole
    group: str = ""
    """The name of the group that it is in, or is to be in; empty outside."""

    member_id: str | None = None
    """Which member of the group it is; None outside."""

    primaries: frozenset[str] = frozenset()
    """The members that it holds for primaries."""

    error: ServiceError | None = None
    """Why nothing is known of it."""


SILENT = Sighting("unreachable")


def judge(*, takes_writes: bool, server_id: str, group: str, members: Sequence[Member]) -> Sighting:
    """Return what a server is by what it says of itself.

    One that is to be in a group takes writes too while it is not in it yet, or any more: they would be lost to the
    group. A member that is cut off from the others takes them as well, and no answer to them ever comes.
    """
    if not group:
        return Sighting("primary" if takes_writes else "secondary")
    own = next((member for member in members if member[0] == server_id), None)
    reachable = [member for member in members if member[1] in ("ONLINE", "RECOVERING")]
    primaries = frozenset(identifier for identifier, _, role in reachable if role == "PRIMARY")
    role: NodeRole
    if own is None or own[1] != "ONLINE":
        role = "recovering"
    elif 2 * len(reachable) <= len(members):
        role = "isolated"
    else:
        role = "primary" if takes_writes and own[2] == "PRIMARY" else "secondary"
    return Sighting(role, group, server_id, primaries if role in ("primary", "secondary") else frozenset())


class Node:
    """Asks one server what it is, on a connection of its own that is kept."""

    def __init__(self, address: MySQLAddress) -> None:
        self.address = address
        self._connection: Any = None
        self._asking: asyncio.Task[Sighting] | None = None

    async def look(self, limit_seconds: float) -> Sighting:
        """Return what the server says, or that it said nothing in that time.

        One to whom connecting takes longer gets the time for that: then it is answered for at a later look.
        """
        if self._asking is not None and not await _is_done_within(self._asking, limit_seconds):
            return SILENT
        # What an earlier look was late to learn may be over.
        self._asking = asyncio.create_task(self._ask())
        if not await _is_done_within(self._asking, limit_seconds):
            return SILENT
        sighting, self._asking = self._asking.result(), None
        return sighting

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        self._hang_up()

    async def _ask(self) -> Sighting:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                if self._connection is None:
                    self._connection = await connect(self.address)
                    check_version(self._connection.get_server_info())
                return await self._read()
        except pymysql.MySQLError as error:
            return self._failed(translated(error, self.address.user, self.address.database))
        except ServiceError as error:
            return self._failed(error)
        except TimeoutError:
            return self._failed(DatabaseUnavailable(detail=f"it gave no answer within {_ASK_SECONDS:g} s"))
        except asyncio.CancelledError:
            self._hang_up()
            raise
        except Exception as error:  # it is no MySQL: what the driver stumbles over then can be anything
            return self._failed(DatabaseUnavailable(detail=f"connecting: {type(error).__name__}"))

    async def _read(self) -> Sighting:
        async with self._connection.cursor() as cursor:
            await cursor.execute(_ASK)
            ((takes_writes, server_id),) = await cursor.fetchall()
            await cursor.nextset()
            group = "".join(str(value) for _, value in await cursor.fetchall())
            members: Sequence[Member] = await self._read_members(cursor) if group else ()
        return judge(takes_writes=bool(takes_writes), server_id=str(server_id), group=group, members=members)

    async def _read_members(self, cursor: Any) -> list[Member]:
        try:
            await cursor.execute(_ASK_FOR_MEMBERS)
        except pymysql.MySQLError as error:
            if error_number(error) != _TABLE_REFUSED:
                raise
            table = "performance_schema.replication_group_members"
            said = f"it is in a group: GRANT SELECT ON {table} to the user {self.address.user!r} (sql/README.md)"
            raise DatabaseMisconfigured(detail=said) from error
        return list(await cursor.fetchall())

    def _failed(self, error: ServiceError) -> Sighting:
        self._hang_up()
        is_refusal = isinstance(error, DatabaseMisconfigured | DatabaseNotInitialized)
        return Sighting("refused" if is_refusal else "unreachable", error=error)

    def _hang_up(self) -> None:
        if self._connection is not None:
            hang_up(self._connection)
            self._connection = None


async def _is_done_within(task: asyncio.Task[Sighting], seconds: float) -> bool:
    done, _ = await asyncio.wait([task], timeout=seconds)
    return bool(done)
