"""An older database is brought to what the whole schema says, once, and loses nothing on the way."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.database import Database, Sql
from app.drivers.build import build_migrator, open_database
from app.drivers.check import NEEDED_VERSION
from app.drivers.migrations import (
    MIGRATIONS_FOLDER,
    Migration,
    MigrationError,
    MigrationLocked,
    Migrator,
    read_migrations,
    split_statements,
)
from app.drivers.sqlite import SQLiteDatabase
from app.drivers.sqlite_schema import connect_sqlite_schema
from app.errors import DatabaseNotInitialized
from tests.conftest import TEST_DATABASE, make_settings
from tests.factories import make_outcome
from tests.support.mysql_server import MySQLServer
from tests.support.records import fetch_one, write_outcomes

VERSIONS = "CREATE TABLE IF NOT EXISTS schema_version (number INT PRIMARY KEY, name TEXT, applied_at DATETIME);\n"
MIGRATED = f"{TEST_DATABASE}_migrated"
ALL = list(range(1, NEEDED_VERSION + 1))
WITHOUT_VERSIONS = [
    statement
    for statement in split_statements((MIGRATIONS_FOLDER / "0001_tables.mysql.sql").read_text(encoding="utf-8"))
    if "schema_version" not in statement
]


def silent(migration: Migration, done: int, total: int) -> None:
    pass


@pytest.fixture
def empty(mysql_server: MySQLServer, mysql_settings: dict[str, Any]) -> Settings:
    """Settings for a MySQL database without tables."""
    collation = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    mysql_server.query(f"DROP DATABASE IF EXISTS {MIGRATED}; CREATE DATABASE {MIGRATED} {collation}")
    return make_settings(**{**mysql_settings, "mysql_database": MIGRATED})


@pytest.fixture
def old(empty: Settings, mysql_server: MySQLServer) -> Settings:
    """Settings for a MySQL database from before versions were counted."""
    mysql_server.query("; ".join(WITHOUT_VERSIONS), MIGRATED)
    return empty


@pytest.fixture
async def old_sqlite(tmp_path: Path) -> Path:
    """A SQLite file from before versions were counted."""
    path = tmp_path / "old.db"
    (first, *_) = read_migrations("sqlite")
    async with connect_sqlite_schema(path) as connection:
        for statement in first.statements:
            if "schema_version" not in statement:
                await connection.write(statement, {})
    return path


@pytest.fixture(params=["sqlite", "mysql"])
async def old_database(
    request: pytest.FixtureRequest, old_sqlite: Path, mysql_server: MySQLServer
) -> AsyncIterator[tuple[Database, Migrator]]:
    """Each database in turn, as it was before versions were counted, and what migrates it."""
    mysql = request.param == "mysql"
    settings = request.getfixturevalue("old") if mysql else make_settings(sqlite_path=old_sqlite)
    opened = await open_database(settings, migrate=False)
    yield opened, build_migrator(settings)
    await opened.close()


def describe_mysql(server: MySQLServer, database: str) -> dict[str, Any]:
    """Return all that information_schema says of a database's tables, columns and indexes."""
    named = f"WHERE table_schema = '{database}' ORDER BY table_name"
    return {
        "tables": server.query(
            "SELECT table_name, engine, row_format, table_collation, table_comment "
            f"FROM information_schema.tables {named}"
        ),
        "columns": server.query(
            "SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, "
            "character_set_name, collation_name, extra, generation_expression, column_comment "
            f"FROM information_schema.columns {named}, ordinal_position"
        ),
        "indexes": server.query(
            "SELECT table_name, index_name, non_unique, seq_in_index, column_name, sub_part, index_type "
            f"FROM information_schema.statistics {named}, index_name, seq_in_index"
        ),
        "versions": server.query("SELECT number, name FROM schema_version ORDER BY number", database),
    }


async def describe_sqlite(database: Database) -> dict[str, Any]:
    """Return all that SQLite says of a file's tables, columns and indexes."""
    tables = [
        name for (name,) in await read(database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    ]
    described: dict[str, Any] = {"versions": await read(database, "SELECT number, name FROM schema_version")}
    for table in tables:
        indexes = await read(database, f"PRAGMA index_list({table})")
        described[table] = (
            await read(database, f"PRAGMA table_xinfo({table})"),
            sorted([(*row[1:], *await read(database, f"PRAGMA index_xinfo({row[1]})")) for row in indexes]),
        )
    return described


async def read(database: Database, sql: str) -> list[Any]:
    return await database.fetch_all(Sql.same(sql), {})


async def test_on_mysql_the_whole_schema_equals_the_migrations_one_after_the_other(
    empty: Settings, mysql_server: MySQLServer
) -> None:
    await build_migrator(empty).migrate(silent)

    assert describe_mysql(mysql_server, MIGRATED) == describe_mysql(mysql_server, TEST_DATABASE)


async def test_on_sqlite_the_whole_schema_equals_the_migrations_one_after_the_other(tmp_path: Path) -> None:
    await build_migrator(make_settings(sqlite_path=tmp_path / "migrated.db")).migrate(silent)
    both = [
        await SQLiteDatabase.open(tmp_path / f"{name}.db", migrate=name == "whole") for name in ("migrated", "whole")
    ]

    migrated, whole = [await describe_sqlite(database) for database in both]

    assert migrated == whole
    assert len(whole) > 8
    for database in both:
        await database.close()


@pytest.mark.parametrize("dialect", ["mysql", "sqlite"])
def test_the_code_needs_the_last_migration(dialect: Any) -> None:
    assert read_migrations(dialect)[-1].number == NEEDED_VERSION


def test_both_databases_have_the_same_migrations() -> None:
    mysql, sqlite = read_migrations("mysql"), read_migrations("sqlite")

    assert [(one.number, one.name, len(one.batches)) for one in mysql] == [
        (one.number, one.name, len(one.batches)) for one in sqlite
    ]


def test_a_change_of_a_table_says_how_it_stays_usable_meanwhile() -> None:
    for migration in read_migrations("mysql"):
        for statement in migration.statements:
            assert re.match(r"CREATE TABLE IF NOT EXISTS|ALTER TABLE|INSERT INTO `stats_state`", statement)
            if statement.startswith("ALTER"):
                assert re.search(r"ALGORITHM=INSTANT$|ALGORITHM=INPLACE, LOCK=NONE$", statement)
            assert not re.search(r"\b(DROP(?! KEY)|RENAME|CHANGE)\b", statement)
            if "MODIFY" in statement:  # without a copy of the table only what takes more than before is possible
                assert statement.endswith("ALGORITHM=INPLACE, LOCK=NONE")


async def test_a_database_from_before_versions_is_recognised_and_migrated(
    old_database: tuple[Database, Migrator],
) -> None:
    database, migrator = old_database
    with pytest.raises(DatabaseNotInitialized):
        await database.check()
    assert [state.state for state in await migrator.fetch_states()] == ["found", *["pending"] * len(ALL[1:])]

    done = await migrator.migrate(silent)

    assert [migration.number for migration in done] == ALL
    assert {state.state for state in await migrator.fetch_states()} == {"applied"}
    await database.check()


async def test_to_migrate_again_does_nothing(old_database: tuple[Database, Migrator]) -> None:
    _, migrator = old_database
    await migrator.migrate(silent)

    assert await migrator.migrate(silent) == []


async def test_several_may_migrate_at_the_same_moment(old_database: tuple[Database, Migrator]) -> None:
    database, migrator = old_database
    await fill_old(database, answers=30, refusals=5)

    await asyncio.gather(*(migrator.migrate(silent) for _ in range(6)))

    assert await read(database, "SELECT COUNT(*) FROM model_call") == [(35,)]
    assert await read(database, "SELECT number FROM schema_version ORDER BY 1") == [(number,) for number in ALL]


async def test_a_migration_that_was_interrupted_goes_on_where_it_was(old_database: tuple[Database, Migrator]) -> None:
    database, migrator = old_database
    await fill_old(database, answers=2500, refusals=3)

    def interrupt(migration: Migration, done: int, total: int) -> None:
        if done >= 1000:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await migrator.migrate(interrupt)
    assert await read(database, "SELECT COUNT(*) FROM model_call") == [(1000,)]

    assert [migration.number for migration in await migrator.migrate(silent)] == ALL[2:]

    assert await read(database, "SELECT COUNT(*) FROM model_call") == [(2503,)]


async def test_the_sums_of_tokens_from_before_stay(old_database: tuple[Database, Migrator]) -> None:
    database, migrator = old_database
    await fill_old(database, answers=2300, refusals=1200)

    await migrator.migrate(silent)

    sums = "SELECT COUNT(*), SUM(input_tokens), SUM(output_tokens), SUM(cached_tokens) FROM model_call"
    assert await read(database, sums) == [(3500, 3500 * 400, 3500 * 40, 3500 * 4)]
    outcomes = "SELECT outcome, COUNT(*), COUNT(cost), COUNT(request_id) FROM model_call GROUP BY outcome ORDER BY 1"
    assert await read(database, outcomes) == [("answered", 2300, 0, 0), ("refused", 1200, 0, 0)]
    days = "SELECT COUNT(*) FROM model_call WHERE created_at >= '2025-10-02' AND created_at < '2025-10-03'"
    assert await read(database, days) == [(1200,)]


async def test_what_an_old_process_wrote_after_the_migration_can_be_added(
    old_database: tuple[Database, Migrator],
) -> None:
    database, migrator = old_database
    await migrator.migrate(silent)
    await fill_old(database, answers=3, refusals=2)

    again = await migrator.move_rows_again(silent)
    await migrator.move_rows_again(silent)

    assert [migration.number for migration in again] == [3]
    assert await read(database, "SELECT COUNT(*) FROM model_call") == [(5,)]


async def test_the_guesses_of_the_offline_classifier_are_no_calls(old_database: tuple[Database, Migrator]) -> None:
    database, migrator = old_database
    await fill_old(database, answers=1, refusals=0, model="local-heuristic")

    await migrator.migrate(silent)

    assert await read(database, "SELECT COUNT(*) FROM model_call") == [(0,)]


async def test_a_sqlite_file_migrates_itself_when_it_is_opened_by_several_at_once(old_sqlite: Path) -> None:
    before = await SQLiteDatabase.open(old_sqlite, migrate=False)
    await fill_old(before, answers=1500, refusals=0)
    await before.close()

    opened = await asyncio.gather(*(SQLiteDatabase.open(old_sqlite) for _ in range(6)))

    for database in opened:
        await database.check()
        assert await read(database, "SELECT COUNT(*) FROM model_call") == [(1500,)]
        await database.close()


async def test_mysql_with_an_older_schema_names_the_command_in_one_line(old: Settings) -> None:
    database = await open_database(old)

    with pytest.raises(DatabaseNotInitialized) as raised:
        await database.check()

    assert "python -m app.cli migrate" in str(raised.value.detail)
    assert "\n" not in str(raised.value.detail)
    await database.close()


async def test_the_script_of_the_whole_schema_gives_an_older_database_no_version(
    old: Settings, mysql_server: MySQLServer
) -> None:
    """It moves no rows: that is for the migrations, which must not be told that they were applied."""
    script = (MIGRATIONS_FOLDER.parent / "init.sql").read_text(encoding="utf-8")
    await insert_old_answer(mysql_server)

    mysql_server.query(script.replace("`image_classifier`", f"`{MIGRATED}`"))

    assert mysql_server.query("SELECT COUNT(*) FROM schema_version", MIGRATED) == [(0,)]
    await build_migrator(old).migrate(silent)
    assert mysql_server.query("SELECT COUNT(*) FROM model_call", MIGRATED) == [(1,)]


async def test_a_schema_of_a_later_version_serves(database: Database, database_settings: dict[str, Any]) -> None:
    await database.execute(Sql.same("INSERT INTO schema_version VALUES (99, 'later', '2030-01-01 00:00:00')"), {})
    await add_column(database)
    outcome = make_outcome()
    try:
        await database.check()
        await write_outcomes(database, [outcome])

        assert await fetch_one(database, outcome.image_hash, include_local=False) == outcome.classification
        states = await build_migrator(make_settings(**database_settings)).fetch_states()
        assert [state.number for state in states] == [*ALL, 99]
    finally:
        await database.execute(Sql.same("DELETE FROM schema_version WHERE number = 99"), {})
        await drop_column(database)


async def test_a_second_migrator_waits_for_the_first_and_not_for_ever(old: Settings) -> None:
    migrator = build_migrator(old)
    async with migrator.connect() as connection, connection.lock(1):
        with pytest.raises(MigrationLocked):
            await migrator.migrate(silent, wait_seconds=0)

        waiting = asyncio.create_task(migrator.migrate(silent))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()

    assert [migration.number for migration in await waiting] == ALL


async def test_a_change_waits_for_a_transaction_that_uses_the_table(
    old: Settings, mysql_server: MySQLServer, tmp_path: Path
) -> None:
    """And lets others through meanwhile: it gives up its place in the queue again and again."""
    alter = "ALTER TABLE request_log ADD COLUMN later INT DEFAULT NULL, ALGORITHM=INSTANT;"
    (tmp_path / "0001_later.mysql.sql").write_text(
        f"{alter}\n{VERSIONS}",
        encoding="utf-8",
    )
    migrator = Migrator(build_migrator(old).connect, read_migrations("mysql", tmp_path), "mysql")
    reader = await open_database(old)
    async with build_migrator(old).connect() as busy:
        await busy.read("BEGIN", {})
        await busy.read("SELECT COUNT(*) FROM request_log", {})
        changing = asyncio.create_task(migrator.migrate(silent))
        await asyncio.wait([changing], timeout=2.5)
        assert not changing.done()
        await read(reader, "SELECT COUNT(*) FROM request_log")
        await busy.read("COMMIT", {})

    assert [migration.number for migration in await changing] == [1]
    await read(reader, "SELECT later FROM request_log")
    await reader.close()


async def test_a_change_that_was_made_before_the_interruption_is_not_made_twice(
    old: Settings, mysql_server: MySQLServer, tmp_path: Path
) -> None:
    mysql_server.query("ALTER TABLE request_log ADD COLUMN later INT DEFAULT NULL, ADD KEY idx_later (later)", MIGRATED)
    (tmp_path / "0001_later.mysql.sql").write_text(
        "ALTER TABLE request_log ADD COLUMN later INT DEFAULT NULL, ALGORITHM=INSTANT;\n"
        "ALTER TABLE request_log ADD KEY idx_later (later), ALGORITHM=INPLACE, LOCK=NONE;\n"
        f"{VERSIONS}",
        encoding="utf-8",
    )

    done = await Migrator(build_migrator(old).connect, read_migrations("mysql", tmp_path), "mysql").migrate(silent)

    assert [migration.number for migration in done] == [1]


async def test_an_index_that_an_operator_has_dropped_already_does_not_keep_the_others(
    old: Settings, mysql_server: MySQLServer
) -> None:
    mysql_server.query("ALTER TABLE request_log DROP KEY idx_created_date", MIGRATED)

    await build_migrator(old).migrate(silent)

    assert describe_mysql(mysql_server, MIGRATED)["indexes"] == describe_mysql(mysql_server, TEST_DATABASE)["indexes"]


@pytest.fixture
def documented_rights() -> list[str]:
    """The rights of sql/README.md: the service's, and what migrations need beside them."""
    documented = (MIGRATIONS_FOLDER.parent / "README.md").read_text(encoding="utf-8")
    return re.findall(r"GRANT (.+) ON image_classifier", documented)


async def test_a_user_without_the_rights_is_told_where_they_are_listed(
    old: Settings, mysql_server: MySQLServer, documented_rights: list[str]
) -> None:
    service, _ = documented_rights

    with pytest.raises(MigrationError, match=r"sql/README.md"):
        await build_migrator(make_user(old, mysql_server, service)).migrate(silent)


async def test_the_documented_rights_are_all_that_migrations_need(
    old: Settings, mysql_server: MySQLServer, documented_rights: list[str]
) -> None:
    migrator = build_migrator(make_user(old, mysql_server, ", ".join(documented_rights)))

    assert [migration.number for migration in await migrator.migrate(silent)] == ALL


async def test_the_services_own_rights_are_enough_where_nothing_is_missing(
    old: Settings, mysql_server: MySQLServer, documented_rights: list[str]
) -> None:
    await build_migrator(old).migrate(silent)
    service, _ = documented_rights

    assert await build_migrator(make_user(old, mysql_server, service)).migrate(silent) == []


def make_user(settings: Settings, server: MySQLServer, rights: str) -> Settings:
    """Return settings for a user with these rights on the database alone."""
    server.query(
        "DROP USER IF EXISTS limited; CREATE USER limited IDENTIFIED BY 'pw'; "
        f"GRANT {rights} ON {settings.mysql_database}.* TO limited"
    )
    return settings.model_copy(update={"mysql_user": "limited", "mysql_password": SecretStr("pw")})


def test_numbers_of_migrations_have_no_gap(tmp_path: Path) -> None:
    (tmp_path / "0002_second.mysql.sql").write_text("CREATE TABLE t (x INT);\n", encoding="utf-8")

    with pytest.raises(ValueError, match="not 1, 2, 3"):
        read_migrations("mysql", tmp_path)


async def fill_old(database: Database, *, answers: int, refusals: int, model: str = "gpt-6-luna") -> None:
    """Insert rows as they were written before there was `model_call`: 400, 40 and 4 tokens each, days apart."""
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
    if answers:
        await database.commit(
            [
                (RECURSION, {}),
                (
                    Sql.same(f"""
INSERT INTO image_classification_cache
  (image_hash, category, confidence, model_used, prompt_version, input_tokens, output_tokens, cached_tokens, created_at)
{numbers} SELECT i, 'foods', 0.9, :model, '1', 400, 40, 4, '2025-10-01 08:00:00' FROM n
"""),
                    {"rows": answers, "model": model},
                ),
            ]
        )
    if refusals:
        await database.commit(
            [
                (RECURSION, {}),
                (
                    Sql.same(f"""
INSERT INTO classification_refusal
  (image_hash, expires_at, refused_at, input_tokens, output_tokens, cached_tokens)
{numbers} SELECT i + 1000000, '2025-10-03 08:00:00', '2025-10-02 08:00:00', 400, 40, 4 FROM n
"""),
                    {"rows": refusals},
                ),
            ]
        )


RECURSION = Sql(mysql="SET SESSION cte_max_recursion_depth = 10000", sqlite="SELECT 1")


async def insert_old_answer(server: MySQLServer) -> None:
    server.query(
        "INSERT INTO image_classification_cache (image_hash, category, confidence, model_used, prompt_version) "
        "VALUES ('a', 'foods', 0.9, 'm', '1')",
        MIGRATED,
    )


async def add_column(database: Database) -> None:
    await database.execute(Sql.same("ALTER TABLE image_classification_cache ADD COLUMN later INTEGER DEFAULT NULL"), {})


async def drop_column(database: Database) -> None:
    await database.execute(Sql.same("ALTER TABLE image_classification_cache DROP COLUMN later"), {})
