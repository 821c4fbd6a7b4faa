"""How a new connection to MySQL is set up, and what the server at its other end is."""

import re
from collections.abc import Sequence
from typing import Any

from pymysql.constants.SERVER_STATUS import SERVER_STATUS_NO_BACKSLASH_ESCAPES

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
        _escape_quickly(connection)

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


def escape_string(text: str) -> str:
    """Return a text as it stands between apostrophes.

    As `pymysql.converters.escape_string` does, but for quotation marks, which mean nothing there and of which JSON is
    full; and without looking each character up in a table, which took more than all else that a batch is sent with.
    """
    return (
        text.replace("\\", "\\\\")
        .replace("\0", "\\0")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .replace("\x1a", "\\Z")
        .replace("'", "\\'")
    )


def _escape_quickly(connection: Any) -> None:
    """Let a connection escape by `escape_string`, but where the server's mode has another way; and lists of strings."""
    as_by_the_driver, escape_one = connection.escape_string, connection.escape

    def escape(text: str) -> str:
        if connection.server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES:
            return str(as_by_the_driver(text))
        return escape_string(text)

    def escape_any(value: Any) -> str:
        if not isinstance(value, tuple):
            return str(escape_one(value))
        together = "".join(value)
        if together and escape(together) == together:  # as the names of photos, which come by the hundred
            return "('{}')".format("','".join(value))
        return f"({','.join(map(escape_one, value))})"

    connection.escape_string = escape
    connection.escape = escape_any


def check_version(version: str) -> None:
    """Return for a MySQL that is new enough. Raises `DatabaseMisconfigured` for MariaDB and for an older MySQL."""
    if "mariadb" in version.lower():
        raise DatabaseMisconfigured(detail=f"the server is MariaDB ({version}): use MySQL 8.0.19 or newer")
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers and tuple(int(number) for number in numbers.groups()) < _OLDEST:
        raise DatabaseMisconfigured(detail=f"the server is MySQL {version}: use MySQL 8.0.19 or newer")


def _size_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
