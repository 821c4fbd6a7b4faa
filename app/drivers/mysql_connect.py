"""One connection to one MySQL server."""

from dataclasses import dataclass
from typing import Any

import aiomysql
from pymysql.constants import CLIENT

from app.drivers.mysql_tls import NO_TLS, Tls
from app.drivers.server_names import written
from app.errors import DatabaseMisconfigured


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

    Raises pymysql's errors, `DatabaseMisconfigured` for a server without TLS where that is required, and whatever the
    driver stumbles over where something listens that is no MySQL.
    """
    connection = _Connection(
        tls=address.tls,
        host=address.host,
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


def hang_up(connection: Any) -> None:
    """Close a connection whose server may not hear it. Whoever waits for its answer learns that it is lost."""
    if connection._writer is not None:
        connection._writer.transport.abort()  # closing would first send what is still to be sent
    connection.close()


class _Connection(aiomysql.Connection):  # type: ignore[misc]
    """The driver's, which by itself logs in without TLS where the server, or who is in between, says it has none, and
    tells even then that TLS comes next."""

    def __init__(self, tls: Tls, **options: Any) -> None:
        super().__init__(ssl=tls.context, **options)
        self._tls_required = tls.is_required

    async def _request_authentication(self) -> None:
        if not self.server_capabilities & CLIENT.SSL:
            if self._tls_required:
                raise DatabaseMisconfigured(detail="the server has no TLS, which MYSQL_SSL_MODE requires")
            self.client_flag &= ~CLIENT.SSL
        await super()._request_authentication()
