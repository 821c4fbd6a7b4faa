"""`python -m app.cli doctor` names what is wrong with a deployment, with the command or setting that mends it."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.doctor.storage import examine_database
from app.drivers.build import build_migrator, open_database
from tests.conftest import TEST_DATABASE, make_settings
from tests.factories import make_context, make_outcome
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.issuer import rsa_key
from tests.support.mysql_server import MySQLServer
from tests.support.records import write_outcomes
from tests.support.service_process import environment

Finding = dict[str, str]
SAFE = {"admin_api_keys": "an-operators-key-of-many-characters", "web_concurrency": 1}
UNTOUCHED = f"{TEST_DATABASE}_old"


def run_doctor(folder: Path, *options: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with these settings alone."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "doctor", *options],
        cwd=folder,
        env=environment(folder, **{"spool_dir": folder / "spool", **SAFE, **settings}),
        capture_output=True,
        text=True,
        timeout=60,
    )


def diagnose(folder: Path, *options: str, **settings: Any) -> tuple[int, list[Finding]]:
    """Return the command's exit code and what it found wrong."""
    run = run_doctor(folder, "--json", *options, **settings)
    assert run.stderr == ""
    return run.returncode, [finding for finding in json.loads(run.stdout) if finding["state"] != "ok"]


def test_where_nothing_is_wrong_it_says_so(tmp_path: Path) -> None:
    run = run_doctor(tmp_path, "--json")

    assert (run.returncode, run.stderr) == (0, "")
    assert {finding["state"] for finding in json.loads(run.stdout)} == {"ok"}
    assert not (tmp_path / "classifier.db").exists()  # it changes nothing


def test_a_redis_and_a_replica_that_are_away_are_warnings(tmp_path: Path, mysql_settings: dict[str, Any]) -> None:
    beside = {"redis_url": "redis://:geheim@127.0.0.1:9/0", "mysql_read_hosts": "127.0.0.1:9"}

    code, findings = diagnose(tmp_path, **mysql_settings, **beside)

    assert code == 3
    said = {finding["check"]: finding["said"] for finding in findings if finding["check"] in ("redis", "replica")}
    assert said["redis"].startswith("127.0.0.1:9: ")
    assert said["replica"].startswith("127.0.0.1:9: MySQL error 2003")
    assert "geheim" not in str(findings)


def test_a_person_sees_a_table_with_what_mends_it(tmp_path: Path) -> None:
    shown = run_doctor(tmp_path, web_concurrency=4)

    assert shown.returncode == 3
    assert "WEB_CONCURRENCY=1" in shown.stdout


@pytest.mark.parametrize(
    ("settings", "check", "state", "mend"),
    [
        ({"spool_dir": "/proc/spool"}, "spool", "failed", "name another place"),
        ({"web_concurrency": 4}, "workers", "warning", "MYSQL_HOST"),
        ({"llm_provider": "openai"}, "settings", "failed", ".env"),
        (
            {"env": "production", "admin_api_keys": "", "allow_open_statistics": "true"},
            "statistics",
            "failed",
            "ADMIN_API_KEYS",
        ),
        ({"env": "production", "admin_api_keys": ""}, "settings", "failed", ".env"),
    ],
    ids=["a spool that cannot be written", "SQLite with several workers", "no key", "open statistics", "not allowed"],
)
def test_what_the_settings_alone_show_is_named(
    settings: dict[str, Any], check: str, state: str, mend: str, tmp_path: Path
) -> None:
    code, wrong = diagnose(tmp_path, **settings)

    found = next(finding for finding in wrong if finding["check"] == check)
    assert (found["state"], code) == (state, 1 if state == "failed" else 3)
    assert mend in found["mend"]


def test_a_misspelt_variable_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MYSQL_HOSTS=db\n", encoding="utf-8")

    code, (found,) = diagnose(tmp_path)

    assert code == 1
    assert "did you mean MYSQL_HOST?" in found["said"]


def plant_wrong_password(server: MySQLServer) -> dict[str, Any]:
    return {"mysql_password": "wrong"}


def plant_old_schema(server: MySQLServer) -> dict[str, Any]:
    server.query(f"DROP DATABASE IF EXISTS {UNTOUCHED}; CREATE DATABASE {UNTOUCHED}")
    return {"mysql_database": UNTOUCHED}


def plant_large_pool(server: MySQLServer) -> dict[str, Any]:
    return {"web_concurrency": 256, "mysql_pool_size": 200}


def plant_nobody(server: MySQLServer) -> dict[str, Any]:
    return {"mysql_port": 9}


@pytest.mark.parametrize(
    ("plant", "check", "mend"),
    [
        (plant_wrong_password, "database", "MYSQL_PASSWORD"),
        (plant_old_schema, "database", "python -m app.cli migrate"),
        (plant_large_pool, "connections", "MYSQL_POOL_SIZE="),
        (plant_nobody, "database", "MYSQL_HOST"),
    ],
)
def test_what_mysql_shows_is_named(
    plant: Callable[[MySQLServer], dict[str, Any]],
    check: str,
    mend: str,
    mysql_settings: dict[str, Any],
    mysql_server: MySQLServer,
    tmp_path: Path,
) -> None:
    code, wrong = diagnose(tmp_path, **{**mysql_settings, **plant(mysql_server)})

    (found,) = wrong
    assert (found["check"], found["state"], code) == (check, "failed", 1)
    assert mend in f"{found['said']} {found['mend']}"


@pytest.mark.parametrize(("minutes", "word"), [(2, "ahead of"), (-2, "behind")])
async def test_a_clock_that_is_two_minutes_off_is_named(
    minutes: int, word: str, mysql_settings: dict[str, Any]
) -> None:
    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=minutes)

    findings = await examine_database(make_settings(**mysql_settings), clock)

    (found,) = [finding for finding in findings if finding.check == "clock"]
    assert found.state == "failed"
    assert f"120 s {word} the database's" in found.said
    assert "NTP" in found.mend


@pytest.mark.parametrize(
    ("ip_address", "users", "is_named"),
    [("10.0.0.3", 5, True), ("172.18.0.4", 30, True), ("10.0.0.3", 4, False), ("9.9.9.9", 30, False)],
)
async def test_a_proxy_that_is_not_trusted_is_named_by_the_users_behind_it(
    ip_address: str, users: int, is_named: bool, database_settings: dict[str, Any]
) -> None:
    settings = make_settings(**database_settings)
    database = await open_database(settings)
    for number in range(users):
        context = make_context(user_id=f"user-{number}", ip_address=ip_address)
        await write_outcomes(database, [make_outcome(context=context) for _ in range(2)])
    await database.close()

    findings = await examine_database(settings, lambda: datetime.now(UTC))

    (found,) = [finding for finding in findings if finding.check == "proxy"]
    assert (found.state == "warning") is is_named
    assert (f"TRUSTED_PROXIES={ip_address}" in found.mend) is is_named


async def test_an_older_file_of_the_embedded_database_is_looked_at_and_not_changed(tmp_path: Path) -> None:
    settings = make_settings(sqlite_path=tmp_path / "classifier.db")
    (tmp_path / "classifier.db").touch()

    (found,) = await examine_database(settings, lambda: datetime.now(UTC))

    assert (found.state, found.mend) == ("failed", "python -m app.cli migrate")
    assert {state.state for state in await build_migrator(settings).fetch_states()} == {"pending"}


@pytest.mark.parametrize(
    ("behaviour", "said", "mend"),
    [
        (Behaviour(status=401), "401", "LLM_API_KEY"),
        (Behaviour(status=404), "404", "LLM_MODEL"),
        (Behaviour(status=503), "503", "try again"),
    ],
    ids=["a key that is refused", "an unknown model", "a vendor that is away"],
)
def test_a_model_that_does_not_answer_is_named(
    behaviour: Behaviour, said: str, mend: str, fake_models: FakeModels, tmp_path: Path
) -> None:
    fake_models.behaviour = behaviour
    vendor = {"llm_provider": "openai", "llm_api_key": "k", "llm_base_url": f"{fake_models.base_url}/v1"}

    code, (found,) = diagnose(tmp_path, "--ask", **vendor)

    assert (found["check"], found["state"], code) == ("model", "failed", 1)
    assert said in found["said"]
    assert mend in found["mend"]


def test_a_model_is_asked_only_when_that_is_wished(fake_models: FakeModels, tmp_path: Path) -> None:
    vendor = {"llm_provider": "openai", "llm_api_key": "k", "llm_base_url": f"{fake_models.base_url}/v1"}

    assert diagnose(tmp_path, **vendor) == (0, [])
    assert fake_models.calls == []
    assert diagnose(tmp_path, "--ask", **vendor) == (0, [])
    assert len(fake_models.calls) == 1


def test_no_secret_is_told(fake_models: FakeModels, tmp_path: Path) -> None:
    fake_models.behaviour = Behaviour(status=401)
    secrets = {"llm_api_key": "sk-very-secret", "mysql_password": "pw-very-secret"}

    run = run_doctor(
        tmp_path,
        "--json",
        "--ask",
        llm_provider="openai",
        llm_base_url=f"{fake_models.base_url}/v1",
        mysql_host="127.0.0.1",
        mysql_port=9,
        **secrets,
    )

    assert run.returncode == 1
    for secret in (*secrets.values(), SAFE["admin_api_keys"]):
        assert str(secret) not in run.stdout + run.stderr


SIGN_IN = {"auth_issuer": "https://issuer.example.com/", "auth_audience": "image-classifier"}


def test_keys_for_sign_in_that_can_be_read_are_counted(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(rsa_key().pem())

    run = run_doctor(tmp_path, "--json", auth_public_key=tmp_path / "key.pem", **SIGN_IN)

    (found,) = (finding for finding in json.loads(run.stdout) if finding["check"] == "sign-in")
    assert (run.returncode, found["state"]) == (0, "ok")
    assert "https://issuer.example.com/ for image-classifier, by 1 keys" in found["said"]


def test_keys_for_sign_in_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    code, wrong = diagnose(tmp_path, auth_jwks_url="https://127.0.0.1:9/keys", **SIGN_IN)

    assert code == 1
    assert [(finding["check"], finding["state"]) for finding in wrong] == [("sign-in", "failed")]
    assert wrong[0]["mend"].startswith("AUTH_JWKS_URL")
