"""The two schemas hold the same tables, and init.sql does what its head says."""

import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.database import Database, Sql
from app.drivers.build import open_database
from app.drivers.sqlite import SQLiteDatabase
from app.errors import DatabaseNotInitialized
from app.repositories.lease_repository import LeaseRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import StatsRepository
from tests.conftest import TABLES, TEST_DATABASE, make_settings, schema_of
from tests.factories import make_failure, make_outcome
from tests.support.mysql_server import MySQLServer
from tests.support.records import write_outcomes

SQL = Path(__file__).parents[2] / "sql"
NEVER_EMPTIED = {"schema_version", "classification_lease"}


def mysql_columns(server: MySQLServer) -> dict[str, list[tuple[str, bool]]]:
    rows = server.query(
        "SELECT table_name, column_name, is_nullable FROM information_schema.columns "
        f"WHERE table_schema = '{TEST_DATABASE}' ORDER BY table_name, ordinal_position"
    )
    tables: dict[str, list[tuple[str, bool]]] = {}
    for table, column, nullable in rows:
        tables.setdefault(str(table), []).append((str(column), nullable == "YES"))
    return tables


async def sqlite_columns(database: Database, table: str) -> list[tuple[str, bool]]:
    # table_xinfo: table_info leaves generated columns out.
    rows = await database.fetch_all(Sql.same(f"PRAGMA table_xinfo({table})"), {})
    return [(name, not (not_null or key)) for _, name, _, not_null, _, key, _ in rows]


async def test_both_schemas_have_the_same_columns_in_the_same_order(
    mysql_server: MySQLServer, sqlite_settings: dict[str, Path]
) -> None:
    sqlite = await SQLiteDatabase.open(sqlite_settings["sqlite_path"])
    tables = mysql_columns(mysql_server)

    assert set(tables) == {*TABLES, *NEVER_EMPTIED}
    for table, columns in tables.items():
        assert await sqlite_columns(sqlite, table) == columns
    await sqlite.close()


def test_init_sql_may_be_run_again(mysql_server: MySQLServer, mysql_settings: dict[str, Any]) -> None:
    mysql_server.query(f"INSERT INTO lease VALUES ('{'e' * 64}', 'x', '2030-01-01')", TEST_DATABASE)

    mysql_server.query(schema_of(TEST_DATABASE))

    assert mysql_server.query("SELECT COUNT(*) FROM lease", TEST_DATABASE) == [(1,)]


async def test_the_documented_rights_are_all_the_service_needs(
    mysql_server: MySQLServer, mysql_settings: dict[str, Any]
) -> None:
    documented = (SQL / "README.md").read_text(encoding="utf-8")
    grant, _ = re.findall(r"GRANT (.+) ON image_classifier", documented)
    user = f"limited_{secrets.token_hex(4)}"  # users are the server's, which other runs may use too
    mysql_server.query(f"CREATE USER {user} IDENTIFIED BY 'pw'; GRANT {grant} ON {TEST_DATABASE}.* TO {user}")
    settings = make_settings(**{**mysql_settings, "mysql_user": user, "mysql_password": "pw"})
    database = await open_database(settings)
    outcome = make_outcome()

    await database.check()
    await write_outcomes(database, [outcome])
    await write_outcomes(database, [make_outcome(image_hash=outcome.image_hash, reply=None)])
    await write_outcomes(database, [make_failure()])
    assert await LeaseRepository(database).claim("photo:x", "owner", 1)
    await StatsRepository(database).fetch_top_users(10)
    assert [deleted async for deleted in RequestLogRepository(database).delete_older(timedelta(0), slice_rows=10)] == [
        2
    ]

    await database.close()
    mysql_server.query(f"DROP USER {user}")


async def test_a_database_of_another_version_is_not_called_healthy(
    mysql_server: MySQLServer, mysql_settings: dict[str, Any]
) -> None:
    database = await open_database(make_settings(**mysql_settings))
    mysql_server.query("ALTER TABLE request_log RENAME COLUMN image_size TO size", TEST_DATABASE)

    with pytest.raises(DatabaseNotInitialized):
        await database.check()

    mysql_server.query("ALTER TABLE request_log RENAME COLUMN size TO image_size", TEST_DATABASE)
    await database.check()
    await database.close()
