"""`python -m app.cli correct` and `purge` do what the interface does, and the audit says that it was a command."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.database import Database, Sql
from app.drivers.build import open_database
from app.models.domain import Category
from tests.conftest import make_settings
from tests.factories import make_classification, make_image, make_outcome, make_reply
from tests.support.records import fetch_known, write_outcomes
from tests.support.service_process import environment


def run_command(folder: Path, settings: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


async def read_audit(database: Database) -> list[tuple[Any, ...]]:
    return await database.fetch_all(Sql.same("SELECT key_name, action, reason FROM audit ORDER BY id"), {})


async def test_a_photo_is_corrected_by_its_hash(
    database: Database, database_settings: dict[str, Any], tmp_path: Path
) -> None:
    wrong = make_outcome()
    await write_outcomes(database, [wrong])

    run = run_command(
        tmp_path, database_settings, "correct", wrong.image_hash.upper(), "pets", "--reason", "a dog", "--json"
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["answer"]["category"] == "pets"
    known = await fetch_known(database, wrong.image_hash)
    assert known is not None
    assert (known.classification.category, known.classification.description) == (Category.PETS, None)
    assert await read_audit(database) == [("cli", "correct", "a dog")]


async def test_a_photo_is_corrected_by_its_file(
    database: Database, database_settings: dict[str, Any], tmp_path: Path
) -> None:
    photo = make_image()
    (tmp_path / "photo.jpg").write_bytes(photo)
    await write_outcomes(database, [make_outcome(image_hash=hashlib.sha256(photo).hexdigest())])

    run = run_command(tmp_path, database_settings, "correct", "photo.jpg", "other", "--reason", "a painting")

    assert run.returncode == 0
    assert "is other now, by 1 names" in run.stdout
    assert "a painting" in run.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("0" * 64, "pets", "--reason", "x"), 1, "correct: "),
        (("0" * 64, "dogs", "--reason", "x"), 2, "'dogs' is not one of"),
        (("0" * 64, "pets"), 2, "--reason"),
        (("0" * 64, "pets", "--reason", " "), 2, "one line"),
        (("0" * 64, "pets", "--reason", "two\nlines"), 2, "one line"),
    ],
    ids=["unknown photo", "no category", "no reason", "empty reason", "two lines"],
)
async def test_what_cannot_be_corrected_says_why(
    words: tuple[str, ...], code: int, said: str, sqlite_settings: dict[str, Any], tmp_path: Path
) -> None:
    await (await open_database(make_settings(**sqlite_settings))).close()  # which makes its tables

    run = run_command(tmp_path, sqlite_settings, "correct", *words)

    assert run.returncode == code
    assert said in run.stderr


async def test_a_purge_deletes_what_is_meant_and_counts_beforehand(
    database: Database, database_settings: dict[str, Any], tmp_path: Path
) -> None:
    old = [make_outcome(reply=make_reply(make_classification(), "gpt-5")) for _ in range(3)]
    new = make_outcome()
    await write_outcomes(database, [*old, new])
    meant = ("purge", "--model", "gpt-5", "--reason", "a better model")

    counted = run_command(tmp_path, database_settings, *meant, "--dry-run", "--json")
    asked = run_command(tmp_path, database_settings, *meant)
    done = run_command(tmp_path, database_settings, *meant, "--yes", "--json")

    assert json.loads(counted.stdout) == {"matched": 3, "deleted": 0, "dry_run": True}
    assert (asked.returncode, "3 answers go" in asked.stderr) == (1, True)
    assert json.loads(done.stdout) == {"matched": 3, "deleted": 3, "dry_run": False}
    assert await fetch_known(database, new.image_hash) is not None
    assert await fetch_known(database, old[0].image_hash) is None
    assert await read_audit(database) == [("cli", "purge", "a better model")]


def test_a_purge_of_everything_has_to_be_said(tmp_path: Path) -> None:
    run = run_command(tmp_path, {}, "purge", "--reason", "x", "--yes")

    assert run.returncode == 2
    assert "one of --model" in run.stderr
