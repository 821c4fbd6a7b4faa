"""The two schemas hold the same tables, and init.sql does what its head says."""

from pathlib import Path

from app.database import Database, Sql
from app.drivers.sqlite import SQLiteDatabase
from tests.conftest import TABLES, TEST_DATABASE
from tests.support.mysql_server import MySQLServer

SQL = Path(__file__).parents[2] / "sql"


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

    assert set(tables) == set(TABLES)
    for table, columns in tables.items():
        assert await sqlite_columns(sqlite, table) == columns
    await sqlite.close()


def test_init_sql_may_be_run_again(mysql_server: MySQLServer) -> None:
    script = (SQL / "init.sql").read_text(encoding="utf-8").replace("`image_classifier`", f"`{TEST_DATABASE}`")
    mysql_server.query(f"INSERT INTO classification_lease VALUES ('{'e' * 64}', 'x', '2030-01-01')", TEST_DATABASE)

    mysql_server.query(script)

    assert mysql_server.query("SELECT COUNT(*) FROM classification_lease", TEST_DATABASE) == [(1,)]


def test_no_statement_of_init_sql_warns(mysql_server: MySQLServer) -> None:
    name = f"{TEST_DATABASE}_fresh"
    script = (SQL / "init.sql").read_text(encoding="utf-8").replace("`image_classifier`", f"`{name}`")
    mysql_server.query(f"DROP DATABASE IF EXISTS {name}")

    warnings = mysql_server.query(f"{script} SHOW WARNINGS")

    assert warnings == []
    mysql_server.query(f"DROP DATABASE {name}")


def test_the_documented_rights_are_all_the_service_needs() -> None:
    grant = (SQL / "README.md").read_text(encoding="utf-8")

    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON image_classifier.*" in grant
