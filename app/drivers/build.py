"""Opens the database that the settings ask for."""

from app.database import Database
from app.drivers.mysql import MySQLAddress, MySQLDatabase
from app.drivers.settings import DatabaseSettings
from app.drivers.sqlite import SQLiteDatabase


async def open_database(settings: DatabaseSettings) -> Database:
    """Open MySQL where MYSQL_HOST is set, else SQLite."""
    if settings.mysql_host is None:
        return await SQLiteDatabase.open(settings.sqlite_path)
    address = MySQLAddress(
        host=settings.mysql_host,
        port=settings.mysql_port,
        user=settings.mysql_user,
        password=settings.mysql_password.get_secret_value(),
        database=settings.mysql_database,
    )
    return await MySQLDatabase.open(address, pool_size=settings.mysql_pool_size)
