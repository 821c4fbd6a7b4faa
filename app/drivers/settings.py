"""Which database, and where."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from app.drivers.mysql_tls import TlsMode, build_tls
from app.drivers.server_names import Server, ServerNames, parse_servers
from app.setting_types import AsciiSecret, DatabaseName

DEFAULT_SQLITE_PATH = Path("data/classifier.db")


class DatabaseSettings(BaseModel):
    """The database: MySQL when MYSQL_HOST is set, else SQLite."""

    mysql_host: ServerNames | None = Field(
        None,
        description="MySQL server, or all servers of a cluster (`a,b:3307,[::1]`), of which the primary is found; "
        "empty: the embedded SQLite database",
    )
    mysql_port: int = Field(3306, ge=1, le=65535, description="MySQL port of servers that are named without one")
    mysql_user: str = Field("classifier", description="MySQL user")
    mysql_password: AsciiSecret = Field(SecretStr(""), description="MySQL password, ASCII characters only")
    mysql_database: DatabaseName = Field("image_classifier", description="MySQL database, prepared with sql/init.sql")
    mysql_ssl_mode: TlsMode = Field(
        "disabled",
        description="Encryption to MySQL, as its client has it: `preferred` where the server can, `required`, "
        "`verify_ca` (and its certificate checked), `verify_identity` (and the name in it)",
    )
    mysql_ssl_ca: Path | None = Field(
        None, description="File with the certificates that MySQL's is checked against; empty: those of the system"
    )
    mysql_pool_size: int = Field(10, ge=1, le=200, description="Connections per worker process")
    mysql_read_hosts: ServerNames | None = Field(
        None,
        description="Replicas of it that statistics and `check-cache` may read, comma-separated, as `host` or "
        "`host:port` (docs/replicas.md)",
    )
    mysql_read_max_lag_seconds: float = Field(
        5, ge=2, le=3600, description="A replica that is further behind is left alone"
    )
    sqlite_path: Path = Field(DEFAULT_SQLITE_PATH, description="Database file used without MYSQL_HOST")

    @property
    def mysql_servers(self) -> list[Server]:
        """Host and port of each MySQL server; none: the database is SQLite."""
        return [] if self.mysql_host is None else parse_servers(self.mysql_host, self.mysql_port)

    @property
    def mysql_replicas(self) -> list[Server]:
        """Host and port of each server that may be read in place of the primary."""
        return [] if self.mysql_read_hosts is None else parse_servers(self.mysql_read_hosts, self.mysql_port)

    @model_validator(mode="after")
    def _servers_are_different(self) -> Self:
        # With MYSQL_PORT: `a,a:3306` is one server twice.
        for name, servers in (("MYSQL_HOST", self.mysql_host), ("MYSQL_READ_HOSTS", self.mysql_read_hosts)):
            try:
                if servers is not None:
                    parse_servers(servers, self.mysql_port)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return self

    @model_validator(mode="after")
    def _certificates_can_be_read(self) -> Self:
        if self.mysql_ssl_ca is None:
            return self
        if self.mysql_ssl_mode not in ("verify_ca", "verify_identity"):
            raise ValueError("MYSQL_SSL_CA: nothing is checked but with MYSQL_SSL_MODE=verify_ca or verify_identity")
        try:
            build_tls(self.mysql_ssl_mode, self.mysql_ssl_ca)
        except OSError as error:
            raise ValueError("MYSQL_SSL_CA: is no file of certificates that can be read") from error
        return self
