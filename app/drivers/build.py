"""Opens the database that the settings ask for, for requests and for changes of its schema."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from app.database import Database
from app.drivers.migrations import Migrator, read_migrations
from app.drivers.mysql import MySQLDatabase
from app.drivers.mysql_connect import MySQLAddress
from app.drivers.mysql_schema import connect_mysql_schema
from app.drivers.mysql_tls import build_tls
from app.drivers.replicas import Replica, Replicas
from app.drivers.server_names import Server, written
from app.drivers.settings import DatabaseSettings
from app.drivers.sqlite import SQLiteDatabase
from app.drivers.sqlite_schema import connect_sqlite_schema


async def open_database(settings: DatabaseSettings, *, migrate: bool = True) -> Database:
    """Open MySQL where MYSQL_HOST is set, else SQLite, which unless told not to brings its schema up to date itself."""
    if settings.mysql_host is None:
        return await SQLiteDatabase.open(settings.sqlite_path, migrate=migrate)
    return await MySQLDatabase.open(*_addresses(settings, settings.mysql_servers), pool_size=settings.mysql_pool_size)


@asynccontextmanager
async def open_replicas(settings: DatabaseSettings, primary: Database) -> AsyncIterator[Replicas | None]:
    """Open the replicas where MYSQL_READ_HOSTS names some, and look at them for as long as the block lasts."""
    if not settings.mysql_replicas:
        yield None
        return
    opened = [Replica(written(server), await open_replica(settings, server)) for server in settings.mysql_replicas]
    replicas = Replicas(opened, primary, settings.mysql_read_max_lag_seconds)
    looking = asyncio.create_task(replicas.run_forever())
    try:
        yield replicas
    finally:
        looking.cancel()
        await asyncio.wait([looking])
        await replicas.close()


async def open_replica(settings: DatabaseSettings, server: Server) -> Database:
    """Open one of MYSQL_READ_HOSTS. One that is away is found by the first call."""
    return await MySQLDatabase.open(*_addresses(settings, [server]), pool_size=settings.mysql_pool_size)


def build_migrator(settings: DatabaseSettings) -> Migrator:
    """Return what brings the schema of this database up to date. It connects when it is used."""
    if settings.mysql_host is None:
        return Migrator(partial(connect_sqlite_schema, settings.sqlite_path), read_migrations("sqlite"), "sqlite")
    return Migrator(
        partial(connect_mysql_schema, _addresses(settings, settings.mysql_servers)), read_migrations("mysql"), "mysql"
    )


def _addresses(settings: DatabaseSettings, servers: Sequence[Server]) -> list[MySQLAddress]:
    tls = build_tls(settings.mysql_ssl_mode, settings.mysql_ssl_ca)
    return [
        MySQLAddress(
            host=host,
            port=port,
            user=settings.mysql_user,
            password=settings.mysql_password.get_secret_value(),
            database=settings.mysql_database,
            tls=tls,
        )
        for host, port in servers
    ]
