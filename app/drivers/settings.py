"""Which database, and where."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from app.setting_types import AsciiSecret, DatabaseName, HostName

DEFAULT_SQLITE_PATH = Path("data/classifier.db")


class DatabaseSettings(BaseModel):
    """The database: MySQL when MYSQL_HOST is set, else SQLite."""

    mysql_host: HostName | None = Field(None, description="MySQL server; empty: the embedded SQLite database")
    mysql_port: int = Field(3306, ge=1, le=65535, description="MySQL port")
    mysql_user: str = Field("classifier", description="MySQL user")
    mysql_password: AsciiSecret = Field(SecretStr(""), description="MySQL password, ASCII characters only")
    mysql_database: DatabaseName = Field("image_classifier", description="MySQL database, prepared with sql/init.sql")
    mysql_pool_size: int = Field(10, ge=1, le=200, description="Connections per worker process")
    sqlite_path: Path = Field(DEFAULT_SQLITE_PATH, description="Database file used without MYSQL_HOST")
