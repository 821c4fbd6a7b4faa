"""The SQLite driver: one file, several processes, nothing half done."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from app.database import ConstraintError, Sql
from app.drivers.sqlite import SQLiteDatabase
from app.errors import DatabaseNotInitialized, DatabaseRejected, DatabaseUnavailable
from tests.support.damage import make_damaged_file

INSERT = Sql.same("INSERT INTO lease (name, owner, expires_at) VALUES (:hash, 'x', '2030-01-01')")
COUNT = Sql.same("SELECT COUNT(*) FROM lease")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SQLiteDatabase]:
    opened = await SQLiteDatabase.open(tmp_path / "new" / "folder" / "c.db", timeout_seconds=2.0)
    yield opened
    await opened.close()


async def test_the_folder_and_the_tables_are_made(database: SQLiteDatabase) -> None:
    await database.check()


async def test_a_second_opening_finds_what_the_first_wrote(tmp_path: Path) -> None:
    first = await SQLiteDatabase.open(tmp_path / "c.db")
    await first.commit([(INSERT, {"hash": "a"})])
    second = await SQLiteDatabase.open(tmp_path / "c.db")

    assert await second.fetch_all(COUNT, {}) == [(1,)]
    await first.close()
    await second.close()


async def test_two_openings_of_one_file_may_write_at_the_same_time(tmp_path: Path) -> None:
    both = [await SQLiteDatabase.open(tmp_path / "c.db") for _ in range(2)]

    await asyncio.gather(*(both[n % 2].commit([(INSERT, {"hash": str(n)})]) for n in range(100)))

    assert await both[0].fetch_all(COUNT, {}) == [(100,)]
    for database in both:
        await database.close()


async def test_a_transaction_that_fails_leaves_nothing(database: SQLiteDatabase) -> None:
    with pytest.raises(ConstraintError):
        await database.commit([(INSERT, {"hash": "a"}), (INSERT, {"hash": "a"})])

    assert await database.fetch_all(COUNT, {}) == [(0,)]
    await database.commit([(INSERT, {"hash": "a"})])


async def test_a_caller_who_leaves_leaves_no_transaction_half_done(database: SQLiteDatabase) -> None:
    for number in range(50):
        caller = asyncio.create_task(database.commit([(INSERT, {"hash": f"{number}-{row}"}) for row in range(3)]))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        caller.cancel()

    await database.commit([(INSERT, {"hash": "last"})])
    ((rows,),) = await database.fetch_all(COUNT, {})
    assert rows % 3 == 1


async def test_a_locked_file_is_unavailable_in_time_and_works_afterwards(tmp_path: Path) -> None:
    database = await SQLiteDatabase.open(tmp_path / "c.db", timeout_seconds=0.3)
    other = sqlite3.connect(tmp_path / "c.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    async with asyncio.timeout(2):
        with pytest.raises(DatabaseUnavailable):
            await database.commit([(INSERT, {"hash": "a"})])

    other.execute("ROLLBACK")
    other.close()
    await database.close()


ENDLESS = Sql.same("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n")


async def test_a_statistic_that_takes_too_long_is_interrupted(database: SQLiteDatabase) -> None:
    for _ in range(2):
        async with asyncio.timeout(5):
            with pytest.raises(DatabaseUnavailable):
                await database.fetch_all(ENDLESS, {}, timeout_seconds=2.1)

    assert await database.fetch_all(COUNT, {}, timeout_seconds=3) == [(0,)]


async def test_a_statistic_holds_up_no_lookup_and_no_write(database: SQLiteDatabase) -> None:
    statistic = asyncio.create_task(database.fetch_all(ENDLESS, {}, timeout_seconds=10))
    await asyncio.sleep(0)

    for number in range(20):
        await database.commit([(INSERT, {"hash": str(number)})])
        assert await database.fetch_all(COUNT, {}) == [(number + 1,)]

    assert not statistic.done()
    statistic.cancel()
    await asyncio.wait([statistic])


async def test_opening_a_file_outwaits_others_who_hold_it_longer_than_sqlite_itself_would_wait(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM t").fetchall()
        opening = asyncio.create_task(SQLiteDatabase.open(tmp_path / "c.db"))
        await asyncio.wait([opening], timeout=3.3)
        assert not opening.done()
        other.execute("ROLLBACK")

        database = await opening

    await database.check()
    await database.close()


async def test_a_file_that_is_no_database_leaves_no_thread_that_keeps_the_process_alive(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"not a database" * 100)
    before = set(threading.enumerate())

    with pytest.raises(sqlite3.DatabaseError):
        await SQLiteDatabase.open(tmp_path / "c.db")

    async with asyncio.timeout(5):
        while set(threading.enumerate()) - before:
            await asyncio.sleep(0.01)


async def test_a_file_of_another_version_is_not_called_healthy(tmp_path: Path) -> None:
    old = await SQLiteDatabase.open(tmp_path / "c.db")
    await old.execute(Sql.same("ALTER TABLE request_log RENAME COLUMN image_size TO size"), {})
    await old.close()
    database = await SQLiteDatabase.open(tmp_path / "c.db")

    with pytest.raises(DatabaseNotInitialized):
        await database.check()
    await database.close()


async def test_a_damaged_file_is_unavailable_and_not_healthy(tmp_path: Path) -> None:
    database = await SQLiteDatabase.open(await make_damaged_file(tmp_path))

    with pytest.raises(DatabaseUnavailable, match="SQLITE_CORRUPT"):
        await database.check()
    with pytest.raises(DatabaseUnavailable, match="SQLITE_CORRUPT"):
        await database.commit([(INSERT, {"hash": "a"})])
    with pytest.raises(DatabaseUnavailable, match="damaged: replace it"):
        await database.check()
    await database.close()


async def test_damage_that_some_call_met_is_remembered(tmp_path: Path) -> None:
    path = await make_damaged_file(tmp_path)
    database = await SQLiteDatabase.open(path)
    with pytest.raises(DatabaseUnavailable):
        await database.fetch_all(COUNT, {})

    with pytest.raises(DatabaseUnavailable, match="damaged: replace it"):
        await database.check()
    await database.close()


@pytest.mark.parametrize("happens", ["deleted", "replaced"])
async def test_nothing_is_written_to_a_file_that_is_not_there_any_more(happens: str, tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    database = await SQLiteDatabase.open(path)
    await database.check()
    path.unlink()
    if happens == "replaced":
        path.touch()

    with pytest.raises(DatabaseUnavailable, match="restart"):
        await database.commit([(INSERT, {"hash": "a"})])
    with pytest.raises(DatabaseUnavailable, match="restart"):
        await database.check()
    await database.close()


async def test_a_rehearsal_writes_nothing_and_fails_as_the_real_thing_would(database: SQLiteDatabase) -> None:
    await database.rehearse([(INSERT, {"hash": "a"})])
    with pytest.raises(ConstraintError):
        await database.rehearse([(INSERT, {"hash": "a"}), (INSERT, {"hash": "a"})])

    assert await database.fetch_all(COUNT, {}) == [(0,)]


async def test_a_misuse_of_the_driver_is_no_database_that_is_away(database: SQLiteDatabase) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        await database.execute(INSERT, {})

    assert not isinstance(caught.value, DatabaseUnavailable)
    assert await database.fetch_all(COUNT, {}) == [(0,)]
