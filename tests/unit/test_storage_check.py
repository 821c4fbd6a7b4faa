"""A place that cannot be written to is found before the start, and named in one line."""

import os
import sqlite3
from pathlib import Path

import pytest

from app.drivers.migrations import SQL_FOLDER
from app.storage_check import check_storage
from tests.conftest import make_settings

not_for_root = pytest.mark.skipif(os.geteuid() == 0, reason="to root every file can be written")


def test_a_place_that_can_be_written_to_is_made_and_left_empty(tmp_path: Path) -> None:
    check_storage(make_settings(spool_dir=tmp_path / "a" / "spool", sqlite_path=tmp_path / "b" / "c.db"))

    assert list((tmp_path / "a" / "spool").iterdir()) == []
    assert (tmp_path / "b").is_dir()


@pytest.mark.parametrize(
    ("variable", "path", "reason"),
    [
        ("SPOOL_DIR", "file", "File exists"),
        ("SPOOL_DIR", "file/spool", "Not a directory"),
        ("SPOOL_DIR", "/proc", "No such file or directory"),  # nothing can be made there, not even by root
        pytest.param("SPOOL_DIR", "sealed", "Permission denied", marks=not_for_root),
        pytest.param("SPOOL_DIR", "sealed/spool", "Permission denied", marks=not_for_root),
        ("IMAGE_DECODE_LOCK_FILE", "file/lock", "Not a directory"),
        ("IMAGE_DECODE_LOCK_FILE", "gone/lock", "No such file or directory"),
        ("SQLITE_PATH", "file", "file is not a database"),
        ("SQLITE_PATH", "foreign.db", "migration 1"),
        ("SQLITE_PATH", "file/classifier.db", "File exists"),
        ("SQLITE_PATH", "sealed", "unable to open database file"),
        pytest.param("SQLITE_PATH", "sealed/classifier.db", "unable to open database file", marks=not_for_root),
        pytest.param("SQLITE_PATH", "read_only.db", "readonly database", marks=not_for_root),
    ],
)
def test_a_place_that_cannot_be_written_to_is_named_with_its_setting_and_the_reason(
    variable: str, path: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way\n" * 100)
    (tmp_path / "sealed").mkdir(mode=0o500)
    sqlite3.connect(tmp_path / "read_only.db").executescript(
        (SQL_FOLDER / "init.sqlite.sql").read_text()
    ).connection.close()
    (tmp_path / "read_only.db").chmod(0o400)
    sqlite3.connect(tmp_path / "foreign.db").executescript("CREATE TABLE request_log (x)").connection.close()
    places = {"spool_dir": tmp_path / "spool", "sqlite_path": tmp_path / "c.db", variable.lower(): tmp_path / path}

    with pytest.raises(SystemExit) as ended:
        check_storage(make_settings(**places))

    line = str(ended.value)
    assert line.startswith(f"configuration: {variable}: '{tmp_path / path}' cannot be used (")
    assert reason in line
    assert "\n" not in line
