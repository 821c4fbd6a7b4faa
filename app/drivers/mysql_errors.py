"""What MySQL's error numbers mean to us: https://dev.mysql.com/doc/mysql-errors/9.7/en/

The server's own texts stay out of our errors, because they may quote values.
"""

import pymysql

from app.database import ConstraintError, ValueRejected
from app.drivers.migrations import COMMAND
from app.errors import (
    DatabaseMisconfigured,
    DatabaseNotInitialized,
    DatabaseRejected,
    DatabaseUnavailable,
    ServiceError,
)

CONNECTION_LOST = frozenset({1053, 2006, 2013, 2055})
NO_CONNECTION = 2003
LOCK_CONFLICT = frozenset({1205, 1213})
READ_ONLY = frozenset({1290, 1792, 1836})
"""The server takes no writes, as a secondary does, by its options or a transaction's: nothing of this one was done."""

CONNECT_ANEW = READ_ONLY | {3032, 3100, 3101, 1142, 1143}
"""What only a new connection gets past. The server takes no writes any more, or went offline as it left its group;
group replication rolled a transaction back, which the others may have all the same. Or a right is missing: one that is
granted reaches new connections only."""

_NO_DATABASE = 1049
_NO_COLUMN_OR_TABLE = frozenset({1054, 1146})
_CHECK_CONSTRAINT = 3819
_DATA_EXCEPTION = "22"
"""The class of SQLSTATEs that say that a value does not fit; the driver knows only some of their numbers."""

_GRANTS = "grant it what sql/README.md lists"
_LOGIN = "check MYSQL_USER and MYSQL_PASSWORD, and how the user was made (sql/README.md)"
_MENDED_BY = {
    1044: f"it refused the user {{user!r}} the database {{database!r}}: {_GRANTS}",
    1045: f"it refused the user {{user!r}}: {_LOGIN}",
    1102: "MYSQL_DATABASE is no name that a database can have",
    1130: "it lets nobody in from this host: make the user for this host, or for '%' (sql/README.md)",
    1142: f"it refused the user {{user!r}} a statement on a table: {_GRANTS}",
    1143: f"it refused the user {{user!r}} a column of a table: {_GRANTS}",
    1193: "it lacks a variable that MySQL 8.0.19 has: use MySQL 8.0.19 or newer",
    1251: f"it wants a way to log in that this service has not got: {_LOGIN}",
    1698: f"it refused the user {{user!r}}: {_LOGIN}",
    1820: "it wants the password of the user {user!r} changed first",
    1862: "it wants the password of the user {user!r} changed first",
    2059: f"it wants a way to log in that this service has not got: {_LOGIN}",
    3118: "it has locked the account of the user {user!r}",
    3159: "it takes connections with TLS only: set MYSQL_SSL_MODE=required, or verify_identity with MYSQL_SSL_CA",
}
"""What a person can do about an error that does not pass by itself."""

_MAY_PASS = {NO_CONNECTION: "no server answers there; if none ever has, check MYSQL_HOST and MYSQL_PORT"}


def error_number(error: Exception) -> int:
    """Return MySQL's number of an error, 0 where it has none."""
    return int(error.args[0]) if error.args and isinstance(error.args[0], int) else 0


def numbered(number: int) -> str:
    """Return what the log says of an error that may pass by itself."""
    return f"MySQL error {number}: {_MAY_PASS[number]}" if number in _MAY_PASS else f"MySQL error {number}"


def translated(error: pymysql.MySQLError, user: str, database: str) -> ServiceError:
    """Return our error for the driver's."""
    number = error_number(error)
    if number == _NO_DATABASE:
        reason = f"there is no database {database!r}; check MYSQL_DATABASE, or run {COMMAND}"
        return DatabaseNotInitialized(detail=f"MySQL error {number}: {reason}")
    if number in _NO_COLUMN_OR_TABLE:
        return DatabaseNotInitialized(detail=f"MySQL error {number}: tables or columns are missing; run {COMMAND}")
    if number in _MENDED_BY:
        reason = _MENDED_BY[number].format(user=user, database=database)
        return DatabaseMisconfigured(detail=f"MySQL error {number}: {reason}")
    if isinstance(error, pymysql.IntegrityError) or number == _CHECK_CONSTRAINT:
        return ConstraintError(detail=f"MySQL error {number}")
    if isinstance(error, pymysql.DataError) or (getattr(error, "sqlstate", None) or "").startswith(_DATA_EXCEPTION):
        return ValueRejected(detail=f"MySQL error {number}")
    if isinstance(error, pymysql.OperationalError | pymysql.InterfaceError | pymysql.InternalError):
        return DatabaseUnavailable(detail=numbered(number))
    return DatabaseRejected(detail=f"MySQL error {number or type(error).__name__}")
