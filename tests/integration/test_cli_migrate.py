"""`python -m app.cli migrate` as a script calls it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.drivers.check import NEEDED_VERSION
from tests.conftest import TEST_DATABASE
from tests.support.mysql_server import MySQLServer
from tests.support.service_process import environment

NUMBERS = list(range(1, NEEDED_VERSION + 1))


def migrate(folder: Path, *options: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the command with these settings alone."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "migrate", *options],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=50,
    )


def test_a_script_can_ask_migrate_and_ask_again(tmp_path: Path) -> None:
    missing = migrate(tmp_path, "--dry-run", "--json")
    done = migrate(tmp_path, "--json")
    again = migrate(tmp_path, "--dry-run", "--json")

    assert [run.returncode for run in (missing, done, again)] == [3, 0, 0]
    told = [json.loads(run.stdout) for run in (missing, done, again)]
    assert [answer["up_to_date"] for answer in told] == [False, True, True]
    assert [answer["applied_now"] for answer in told] == [[], NUMBERS, []]
    assert {state["state"] for state in told[0]["migrations"]} == {"pending"}
    assert {state["state"] for state in told[2]["migrations"]} == {"applied"}
    assert [run.stderr for run in (missing, done, again)] == ["", "", ""]


def test_a_person_sees_a_table(tmp_path: Path) -> None:
    shown = migrate(tmp_path)

    assert shown.returncode == 0
    assert "lease_and_model_call" in shown.stdout
    assert shown.stdout.endswith("up to date\n")


def test_in_production_it_needs_no_model_and_no_operators_key(tmp_path: Path) -> None:
    done = migrate(tmp_path, env="production", llm_provider="openai")

    assert (done.returncode, done.stderr) == (0, "")


def test_in_production_it_makes_no_database_in_the_folder_that_it_is_called_in(tmp_path: Path) -> None:
    refused = migrate(tmp_path, env="production", sqlite_path="")

    assert refused.returncode == 1
    assert refused.stderr.startswith("configuration: MYSQL_HOST: ")


def test_a_database_that_is_away_is_one_line_and_a_failure(tmp_path: Path) -> None:
    away = migrate(tmp_path, mysql_host="127.0.0.1", mysql_port=1)

    assert away.returncode == 1
    assert away.stdout == ""
    assert away.stderr.startswith("migrate: MySQL error 2003: no server answers there")
    assert away.stderr.endswith("check MYSQL_HOST and MYSQL_PORT\n")


def test_a_wrong_password_is_one_line_that_names_the_settings(tmp_path: Path, mysql_server: MySQLServer) -> None:
    server = {**mysql_server.settings(TEST_DATABASE), "mysql_user": "ghost", "mysql_password": "hunter-MARKER-2"}

    refused = migrate(tmp_path, **server)

    assert refused.returncode == 1
    assert refused.stderr == "migrate: MySQL error 1045: it refused this user: check MYSQL_USER and MYSQL_PASSWORD\n"


def test_a_file_that_cannot_be_is_one_line_and_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    failed = migrate(tmp_path, sqlite_path=tmp_path / "file" / "c.db")

    assert failed.returncode == 1
    assert failed.stderr.startswith("migrate: ")
    assert failed.stderr.count("\n") == 1


def test_a_wrong_option_is_a_code_of_its_own(tmp_path: Path) -> None:
    assert migrate(tmp_path, "--no-such-option").returncode == 2


def test_no_model_is_needed(tmp_path: Path, mysql_settings: dict[str, Any]) -> None:
    """In production the settings name one; that nobody can reach it does not matter here."""
    settings = {**mysql_settings, "llm_provider": "openai", "llm_api_key": "k", "llm_base_url": "http://127.0.0.1:1/v1"}

    assert migrate(tmp_path, "--dry-run", **settings).returncode == 0
