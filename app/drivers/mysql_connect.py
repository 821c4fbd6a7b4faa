"""One connection to one MySQL server."""

import ssl
from dataclasses import dataclass
from typing import Any

import aiomysql
import pymysql
from pymysql.constants import CLIENT, COMMAND, SERVER_STATUS

from app.drivers.mysql_errors import NO_CONNECTION, error_number
from app.drivers.mysql_reply import Reply
from app.drivers.mysql_tls import NO_TLS, Tls
from app.drivers.name_lookup import look_up
from app.drivers.server_names import written
from app.errors import DatabaseMisconfigured, DatabaseUnavailable, ServiceError


@dataclass(frozen=True, slots=True)
class MySQLAddress:
    """Where a server is, who we are there, and how connections to it are encrypted."""

    host: str
    port: int
    user: str
    password: str
    database: str
    tls: Tls = NO_TLS

    @property
    def name(self) -> str:
        """The server as people write it, without who we are there."""
        return written((self.host, self.port))


async def connect(address: MySQLAddress, init_command: str | None = None) -> Any:
    """Return a new connection. How long it may take is the caller's to bound.

    Raises pymysql's errors; `DatabaseMisconfigured` for a server without TLS where that is required, and for one whose
    certificate is not accepted; `DatabaseUnavailable` where TLS fails otherwise, or the name is not found; and whatever
    the driver stumbles over where something listens that is no MySQL.
    """
    try:
        *others, last = await look_up(address.host)
    except OSError as error:
        raise DatabaseUnavailable(detail="its name was not found; if it never was, check MYSQL_HOST") from error
    for other in others:
        try:
            return await _connect_to(other, address, init_command)
        except pymysql.OperationalError as error:
            if error_number(error) != NO_CONNECTION:
                raise
    return await _connect_to(last, address, init_command)


def hang_up(connection: Any) -> None:
    """Close a connection whose server may not hear it. Whoever waits for its answer learns that it is lost."""
    if connection._writer is not None:
        connection._writer.transport.abort()  # closing would first send what is still to be sent
    connection.close()


async def _connect_to(host: str, address: MySQLAddress, init_command: str | None) -> Any:
    connection = _Connection(
        name=address.host,
        tls=address.tls,
        host=host,
        port=address.port,
        user=address.user,
        password=address.password,
        db=address.database,
        # Without autocommit a connection would keep its old snapshot, with stale rows.
        autocommit=True,
        charset="utf8mb4",
        init_command=init_command,
    )
    await connection._connect()
    return connection


class _Connection(aiomysql.Connection):  # type: ignore[misc]
    """The driver's, which by itself logs in without TLS where the server, or who is in between, says it has none, and
    tells even then that TLS comes next."""

    def __init__(self, name: str, tls: Tls, **options: Any) -> None:
        super().__init__(ssl=tls.context, **options)
        self._name = name
        self._tls_required = tls.is_required

    async def _request_authentication(self) -> None:
        if not self.server_capabilities & CLIENT.SSL:
            if self._tls_required:
                raise DatabaseMisconfigured(detail="the server has no TLS, which MYSQL_SSL_MODE requires")
            self.client_flag &= ~CLIENT.SSL
        self._host = self._name  # which its certificate is for; the connection is there
        try:
            await super()._request_authentication()
        except OSError as error:
            if self._secure or not self.client_flag & CLIENT.SSL:
                raise
            raise _told_of_tls(error) from error

    async def run(self, statements: str) -> None:
        """Run statements that return no rows. Raises pymysql's errors.

        A cursor would take several times the steps for each reply, and a batch of records has seven of them.
        """
        await self._execute_command(COMMAND.COM_QUERY, statements)
        more = True
        while more:
            reply = await self._read_packet(Reply)
            if not reply.is_done:
                self.close()
                raise aiomysql.ProgrammingError(f"a statement returned rows where none are read: {statements[:100]}")
            self.server_status = reply.server_status
            more = bool(self.server_status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS)


def _told_of_tls(error: OSError) -> ServiceError:
    """Return our error for what went wrong while TLS was begun. The texts are the TLS library's and hold no secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate was not accepted ({error.verify_message})"
        return DatabaseMisconfigured(detail=f"{reason}: check MYSQL_SSL_CA and the name in MYSQL_HOST")
    if isinstance(error, ssl.SSLError):
        return DatabaseUnavailable(detail=f"TLS could not be begun ({error.reason}): this service speaks 1.2 and newer")
    return DatabaseUnavailable(detail="the server hung up as TLS was to begin")
