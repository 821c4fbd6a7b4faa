"""How a new connection to MySQL is set up, and what the server at its other end is."""

import re
from collections.abc import Sequence
from typing import Any

from app.database import StatementTooLarge
from app.errors import DatabaseMisconfigured

_OLDEST = (8, 0, 19)
"""The first release that can name the row to be inserted: VALUES (...) AS new."""

# The variables are set after the version was asked for, in the same packet: MariaDB has not got all of them.
_SET_UP = (
    "SELECT VERSION(), @@max_allowed_packet; "
    "SET SESSION transaction_isolation = 'READ-COMMITTED', time_zone = '+00:00', "
    # Values that do not fit are errors, whatever the server's default.
    "sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), "
    # A lock that is waited for is given up while there is time for another attempt.
    "max_execution_time = 3000, innodb_lock_wait_timeout = 1"
)
_PACKET_MARGIN = 64


class Session:
    """Sets connections up, and knows how large a packet the server takes."""

    def __init__(self) -> None:
        self._max_packet_bytes = 0

    async def set_up(self, connection: Any) -> None:
        """Prepare a new connection. Raises `DatabaseMisconfigured` for a server that is none we know how to use."""
        cursor = await connection.cursor()
        await cursor.execute(_SET_UP)
        ((version, max_packet_bytes),) = await cursor.fetchall()
        check_version(version)
        await cursor.nextset()
        self._max_packet_bytes = int(max_packet_bytes)

    def packets(self, statements: Sequence[str]) -> list[str]:
        """Return the statements as what is sent at once: all of them, or one at a time where that were too much.

        Together they cost one round trip. Raises `StatementTooLarge`.
        """
        sizes = [_size_of(statement) for statement in statements]
        room = self._max_packet_bytes - _PACKET_MARGIN
        if sum(sizes) + 2 * len(sizes) <= room:
            return ["; ".join(statements)]
        if max(sizes) > room:
            raise StatementTooLarge(detail=f"{max(sizes)} bytes, max_allowed_packet is {self._max_packet_bytes}")
        return list(statements)


def check_version(version: str) -> None:
    """Return for a MySQL that is new enough. Raises `DatabaseMisconfigured` for MariaDB and for an older MySQL."""
    if "mariadb" in version.lower():
        raise DatabaseMisconfigured(detail=f"the server is MariaDB ({version}): use MySQL 8.0.19 or newer")
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers and tuple(int(number) for number in numbers.groups()) < _OLDEST:
        raise DatabaseMisconfigured(detail=f"the server is MySQL {version}: use MySQL 8.0.19 or newer")


def _size_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
