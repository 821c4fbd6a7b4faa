"""Limits that stand in several files agree: each layer's time ends inside the next, and bodies stay in memory."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.api.body import MULTIPART_OVERHEAD_BYTES, READ_TIMEOUT_SECONDS
from app.services.turn import LEASE_SECONDS
from tests.conftest import make_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gunicorn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)  # away from a developer's .env
    return runpy.run_path(str(ROOT / "gunicorn_config.py"))


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded["services"]  # type: ignore[no-any-return]


def nginx(directive: str) -> int:
    """Return the number of a directive, in seconds or bytes."""
    found = re.search(rf"\b{directive} (\d+)([sm]);", (ROOT / "nginx.conf").read_text(encoding="utf-8"))
    assert found, directive
    return int(found[1]) * (1024 * 1024 if found[2] == "m" else 1)


def test_time_limits_end_one_inside_the_other(gunicorn: dict[str, Any], compose: dict[str, Any]) -> None:
    longest_answer = make_settings().llm_timeout + LEASE_SECONDS
    longest_request = longest_answer + READ_TIMEOUT_SECONDS

    assert nginx("client_body_timeout") <= READ_TIMEOUT_SECONDS
    assert longest_answer < gunicorn["graceful_timeout"]
    assert longest_request <= gunicorn["timeout"] < nginx("proxy_read_timeout")
    assert gunicorn["graceful_timeout"] < int(compose["api"]["stop_grace_period"].removesuffix("s"))


def test_the_proxy_closes_idle_connections_before_the_server_does(gunicorn: dict[str, Any]) -> None:
    assert nginx("keepalive_timeout") < gunicorn["keepalive"]


def test_the_proxy_lets_in_every_body_that_the_service_takes_and_keeps_it_in_memory() -> None:
    settings = make_settings()

    assert nginx("client_max_body_size") == nginx("client_body_buffer_size")
    assert nginx("client_max_body_size") >= settings.max_image_bytes + MULTIPART_OVERHEAD_BYTES


def test_workers_are_not_recycled(gunicorn: dict[str, Any]) -> None:
    assert gunicorn["max_requests"] == 0
    assert gunicorn["worker_class"] == "uvicorn_worker.UvicornWorker"


def test_the_database_is_not_published_and_has_no_password_by_default(compose: dict[str, Any]) -> None:
    assert "ports" not in compose["mysql"]
    assert ":?" in compose["mysql"]["environment"]["MYSQL_PASSWORD"]
    assert ":?" in compose["mysql"]["environment"]["MYSQL_ROOT_PASSWORD"]


def test_the_proxy_says_itself_where_a_request_comes_from() -> None:
    """Set, not appended to what the client claims."""
    assert re.findall(r"proxy_set_header X-Forwarded-For (.+);", (ROOT / "nginx.conf").read_text(encoding="utf-8")) == [
        "$remote_addr"
    ]
