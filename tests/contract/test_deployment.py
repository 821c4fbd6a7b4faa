"""Limits that stand in several files agree: each layer's time ends inside the next, and bodies stay in memory."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.api.http.batch_body import MAX_BATCH_JSON_BYTES
from app.api.http.body import MULTIPART_OVERHEAD_BYTES, PATIENCE
from app.errors import ServiceError
from app.http_protocol import LimitedProtocol
from app.services.live.feed import Pace
from app.services.one_call.lease import LEASE_SECONDS
from tests.conftest import make_settings
from tests.factories import error_codes

ROOT = Path(__file__).parents[2]
NGINX = (ROOT / "nginx.conf").read_text(encoding="utf-8")
CHUNK_FRAMING = 6  # `1\r\nx\r\n`: bytes on the wire for each byte of a body in the smallest chunks
MODEL_CLOSE_SECONDS = 10
BATCH_OF_HASHES = "location = /api/v1/classify/check-cache/batch {"


@pytest.fixture
def gunicorn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)  # away from a developer's .env
    return runpy.run_path(str(ROOT / "gunicorn_config.py"))


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded["services"]  # type: ignore[no-any-return]


def nginx(directive: str, block: str = "") -> int:
    """Return the number of a directive, the first after the head of its block, in seconds or bytes."""
    found = re.search(rf"{re.escape(block)}.*?\b{directive} (\d+)([smk]);", NGINX, re.DOTALL)
    assert found, directive
    return int(found[1]) * {"s": 1, "k": 1024, "m": 1024 * 1024}[found[2]]


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_time_limits_end_one_inside_the_other(gunicorn: dict[str, Any], compose: dict[str, Any]) -> None:
    """How long a body may take is in none of them: the proxy hands bodies on when they are complete, and without one a
    worker that ends waits for no body longer than for its answers."""
    longest_answer = make_settings().llm_timeout + LEASE_SECONDS

    assert nginx("client_body_timeout") <= PATIENCE.portion_seconds
    assert nginx("client_header_timeout") <= LimitedProtocol.head_seconds
    assert longest_answer < gunicorn["graceful_timeout"] / 2
    assert gunicorn["graceful_timeout"] < nginx("proxy_read_timeout")
    assert gunicorn["graceful_timeout"] < seconds(compose["api"]["stop_grace_period"])
    longest_deferred = make_settings().deferred_seconds + LEASE_SECONDS
    assert longest_deferred < nginx("proxy_read_timeout", "location = /_deferred {")
    assert Pace().heartbeat < nginx("proxy_read_timeout")
    assert longest_answer < nginx("worker_shutdown_timeout") < seconds(compose["nginx"]["stop_grace_period"])


@pytest.mark.parametrize("llm_timeout", [5, 30, 120])
def test_a_worker_that_ends_has_time_for_its_answers_and_then_to_close(
    llm_timeout: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_TIMEOUT", str(llm_timeout))

    config = runpy.run_path(str(ROOT / "gunicorn_config.py"))

    half = config["graceful_timeout"] // 2
    assert half > llm_timeout + LEASE_SECONDS
    assert half > llm_timeout + MODEL_CLOSE_SECONDS
    assert config["timeout"] >= config["graceful_timeout"]  # a worker that ends gives no signs of life


def test_the_proxy_closes_idle_connections_before_the_server_does(gunicorn: dict[str, Any]) -> None:
    assert nginx("keepalive_timeout", "upstream api") < gunicorn["keepalive"]


def test_the_proxy_lets_in_the_largest_body_that_the_service_takes_and_no_larger() -> None:
    assert nginx("client_max_body_size") == make_settings().max_image_bytes + MULTIPART_OVERHEAD_BYTES
    assert nginx("client_max_body_size", BATCH_OF_HASHES) == MAX_BATCH_JSON_BYTES


def test_the_proxy_keeps_every_body_in_memory() -> None:
    """A chunked body is buffered with its framing, so that a buffer as large as the limit would not hold it."""
    assert nginx("client_body_buffer_size") >= CHUNK_FRAMING * nginx("client_max_body_size")
    assert "proxy_max_temp_file_size 0;" in NGINX


def test_the_bodies_that_the_proxy_buffers_at_the_same_time_fit_into_its_memory(compose: dict[str, Any]) -> None:
    limits = {zone: int(limit) for zone, limit in re.findall(r"limit_conn (\w+) (\d+);", NGINX)}
    (gigabytes,) = re.findall(r"^\$\{NGINX_MEMORY:-(\d)g\}$", compose["nginx"]["mem_limit"])

    chunked = limits["all_chunked_uploads"]
    others = limits["all_uploads"] - chunked
    bodies = chunked * nginx("client_body_buffer_size") + others * nginx("client_max_body_size")
    assert bodies < 0.9 * int(gigabytes) * 1024**3
    assert limits["uploads"] <= limits["all_uploads"] / 2  # one address leaves room for others
    assert limits["chunked_uploads"] <= chunked / 2
    for block in ("location / {", BATCH_OF_HASHES):
        assert nginx("client_body_buffer_size", block) >= CHUNK_FRAMING * nginx("client_max_body_size", block)


def test_the_proxys_own_errors_have_codes_that_the_page_for_apps_names() -> None:
    (codes,) = re.findall(r'map "\$status \$request_uri" \$error_code \{(.*?)\}', NGINX, re.DOTALL)
    named = set(re.findall(r"(\w+);", codes))

    assert named - set(error_codes(ServiceError)) == {"too_many_requests", "service_unavailable"}
    assert {code for code in named if f"`{code}`" not in (ROOT / "docs/apps.md").read_text(encoding="utf-8")} == set()


def test_workers_are_not_recycled(gunicorn: dict[str, Any]) -> None:
    assert gunicorn["max_requests"] == 0
    assert gunicorn["worker_class"] == "app.server.Worker"


def test_the_database_is_not_published_and_has_no_password_by_default(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose.items() if "ports" in service] == ["nginx"]
    assert ":?" in compose["mysql"]["environment"]["MYSQL_PASSWORD"]
    assert ":?" in compose["mysql"]["environment"]["MYSQL_ROOT_PASSWORD"]


@pytest.mark.parametrize("name", ["nginx", "migrate", "api", "mysql"])
def test_a_container_gains_no_rights_and_leaves_no_core_dump(name: str, compose: dict[str, Any]) -> None:
    assert compose[name]["cap_drop"] == ["ALL"]
    assert compose[name]["security_opt"] == ["no-new-privileges:true"]
    assert compose[name]["ulimits"] == {"core": 0}


def test_containers_that_hold_photos_have_nowhere_to_write_them(compose: dict[str, Any]) -> None:
    for name in ("nginx", "api"):
        assert compose[name]["read_only"] is True
        assert compose[name]["memswap_limit"] == compose[name]["mem_limit"]  # no swap
    assert [place for place in compose["nginx"]["tmpfs"] if ":size=4k" in place]  # temporary folders without room


def test_the_database_is_on_a_network_that_only_the_api_and_its_migrations_share(compose: dict[str, Any]) -> None:
    on_it = [name for name, service in compose.items() if "database" in service.get("networks", [])]

    assert on_it == ["migrate", "api", "mysql"]
    assert compose["mysql"]["networks"] == ["database"]


def test_logs_do_not_fill_the_disk(compose: dict[str, Any]) -> None:
    assert {name for name, service in compose.items() if "max-size" in service["logging"]["options"]} == set(compose)


def test_the_api_starts_after_the_database_has_its_tables_and_the_proxy_after_the_api(compose: dict[str, Any]) -> None:
    assert compose["migrate"]["depends_on"] == {"mysql": {"condition": "service_healthy"}}
    assert compose["migrate"]["entrypoint"] == ["python", "-m", "app.cli", "migrate"]
    assert compose["api"]["depends_on"] == {
        "mysql": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert compose["nginx"]["depends_on"] == {"api": {"condition": "service_healthy"}}
    assert "request_log" in compose["mysql"]["healthcheck"]["test"][1]
    assert "./sql/init.sql:/docker-entrypoint-initdb.d/init.sql:ro" in compose["mysql"]["volumes"]


def test_the_image_runs_without_root_and_takes_nothing_from_the_folder_but_what_it_needs() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert re.search(r"^USER (\d+)", last_stage, re.MULTILINE).group(1) != "0"  # type: ignore[union-attr]
    assert "apt-get" not in last_stage
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == {
        "app",
        "sql",
        "gunicorn_config.py",
        "requirements.txt",
    }


def test_the_proxy_says_itself_where_a_request_comes_from() -> None:
    """Set, not appended to what the client claims."""
    assert re.findall(r"proxy_set_header X-Forwarded-For (.+);", (ROOT / "nginx.conf").read_text(encoding="utf-8")) == [
        "$remote_addr"
    ]
