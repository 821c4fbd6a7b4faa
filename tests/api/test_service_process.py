"""The service as a process: it greets, it answers on a real socket, it stops in order, it refuses wrong settings."""

import re
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.utils.hash_utils import sha256_hex
from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import EMBEDDED, GUNICORN, ROOT, Service, environment, running_service, wait_until

QUICK_GRACEFUL_SECONDS = 6
QUICK_GUNICORN = (*GUNICORN, "--graceful-timeout", str(QUICK_GRACEFUL_SECONDS))


def test_run_says_what_to_try_and_what_it_says_works(tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    with running_service(tmp_path) as service:
        for page in ("", "/dashboard", "/docs"):
            assert re.search(rf"  {service.url}{page}\n", service.printed())
            assert httpx.get(service.url + page).status_code == 200
        assert f"curl -F image=@samples/cat.png {service.url}/api/v1/classify" in service.printed()
        assert "no model is configured" in service.printed()

        image = (ROOT / "samples/cat.png").read_bytes()
        answer = httpx.post(f"{service.url}/api/v1/classify", files={"image": image})
        assert answer.json()["data"]["category"] == "pets"
        assert httpx.get(f"{service.url}/api/v1/stats/today").json()["data"]["total_requests"] == 1

    assert service.process.returncode == -signal.SIGTERM  # uvicorn ends in order and then by the signal, as asked


@pytest.mark.parametrize("command", [EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def test_answers_survive_a_restart(command: tuple[str, ...], tmp_path: Path) -> None:
    image = make_image()
    with running_service(tmp_path, command) as service:
        first = httpx.post(f"{service.url}/api/v1/classify", files={"image": image}).json()

    with running_service(tmp_path, command) as service:
        again = httpx.post(f"{service.url}/api/v1/classify", files={"image": image}).json()

    assert (first["from_cache"], again["from_cache"]) == (False, True)
    assert first["data"] == again["data"]


def test_gunicorn_runs_as_many_workers_as_asked_on_one_database(tmp_path: Path) -> None:
    with running_service(
        tmp_path, GUNICORN, web_concurrency=2, env="production", allow_open_statistics=True
    ) as service:
        for _ in range(20):
            image = make_image()
            answers = [httpx.post(f"{service.url}/api/v1/classify", files={"image": image}).json() for _ in range(3)]
            assert [answer["from_cache"] for answer in answers] == [False, True, True]

        assert service.printed().count('"started"') == 2

    assert service.process.returncode == 0


def test_a_client_that_announces_too_much_is_refused_before_it_sends_it(tmp_path: Path) -> None:
    head = (
        "POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        "Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n"
    )
    with running_service(tmp_path) as service:
        address = httpx.URL(service.url)
        with socket.create_connection((address.host, address.port or 0), timeout=5) as connection:
            connection.sendall(head.encode())
            answer = b""
            while chunk := connection.recv(65536):  # until the server closes
                answer += chunk

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"image_too_large"' in answer


def test_a_client_that_hangs_up_in_the_middle_of_its_upload_harms_nobody(tmp_path: Path) -> None:
    head = (
        "POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        "Content-Length: 100000\r\n\r\n--B\r\n"
    )
    with running_service(tmp_path) as service:
        address = httpx.URL(service.url)
        for _ in range(20):
            with socket.create_connection((address.host, address.port or 0), timeout=5) as connection:
                connection.sendall(head.encode())

        assert httpx.get(f"{service.url}/api/v1/health").status_code == 200
        assert "unexpected error" not in service.printed()


@pytest.mark.parametrize("command", [EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"llm_timeout": "soon"}, "LLM_TIMEOUT"),
        ({"llm_provider": "claude"}, "LLM_API_KEY"),
        ({"env": "production"}, "ADMIN_API_KEYS"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(
    command: tuple[str, ...], settings: dict[str, Any], variable: str, tmp_path: Path
) -> None:
    assert complaint(command, tmp_path, settings).startswith(f"configuration: {variable}: ")


@pytest.mark.parametrize("command", [EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def test_a_place_that_cannot_be_written_to_stops_the_start_with_one_line(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    line = complaint(command, tmp_path, {"spool_dir": "file"})

    assert line == "configuration: SPOOL_DIR: 'file' cannot be used (File exists)"


def complaint(command: tuple[str, ...], folder: Path, settings: dict[str, Any]) -> str:
    """Return the one line with which a start ends that cannot be."""
    ended = subprocess.run(
        command, cwd=folder, env=environment(folder, **settings), capture_output=True, text=True, timeout=30
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", [EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def test_a_request_in_flight_is_answered_before_the_process_ends(command: tuple[str, ...], tmp_path: Path) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + make_image() + b"\r\n--B--\r\n"
    )
    head = (
        "POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with running_service(tmp_path, command) as service:
        address = httpx.URL(service.url)
        with socket.create_connection((address.host, address.port or 0), timeout=10) as connection:
            connection.sendall(head.encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")  # it reads: the request is in flight
            connection.sendall(body[:100])
            service.process.send_signal(signal.SIGTERM)
            wait_until(service, lambda: "Shutting down" in service.printed())
            connection.sendall(body[100:])
            answer = connection.recv(65536)

        assert answer.startswith(b"HTTP/1.1 200 ")
        service.process.wait(10)


def has_printed(service: Service, text: str, times: int) -> bool:
    return service.printed().count(text) >= times


@pytest.fixture
def slow_model(fake_models: FakeModels) -> FakeModels:
    fake_models.behaviour = Behaviour(hang=True)
    return fake_models


def begin_upload(service: Service) -> socket.socket:
    """Return a connection on which an upload has begun that will not end by itself."""
    head = (
        "POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n"
    )
    connection = socket.create_connection((httpx.URL(service.url).host, httpx.URL(service.url).port or 0), timeout=30)
    connection.sendall(head.encode())
    assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")  # it reads: the request is in flight
    return connection


def test_a_slow_upload_does_not_keep_gunicorns_worker_from_closing_in_order(tmp_path: Path) -> None:
    with running_service(
        tmp_path, QUICK_GUNICORN, web_concurrency=1, env="production", allow_open_statistics=True
    ) as service:
        with begin_upload(service):
            started = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(QUICK_GRACEFUL_SECONDS)
            took = time.monotonic() - started

        assert service.process.returncode == 0
        assert QUICK_GRACEFUL_SECONDS / 2 <= took < QUICK_GRACEFUL_SECONDS
        assert "Application shutdown complete" in service.printed()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP], ids=["term", "hup"])
def test_gunicorn_answers_the_question_that_is_with_the_model_before_its_worker_ends(
    end: signal.Signals, slow_model: FakeModels, tmp_path: Path
) -> None:
    settings = settings_for_provider("openai", slow_model)
    with running_service(tmp_path, GUNICORN, web_concurrency=1, **settings) as service, ThreadPoolExecutor() as pool:
        answer = pool.submit(httpx.post, f"{service.url}/api/v1/classify", files={"image": make_image()}, timeout=30)
        wait_until(service, lambda: bool(slow_model.calls))
        service.process.send_signal(end)
        wait_until(service, lambda: "Shutting down" in service.printed())
        slow_model.released.set()

        assert answer.result().status_code == 200
        assert answer.result().headers["connection"] == "close"


def test_gunicorn_replaces_its_workers_at_hup_without_failing_a_request(tmp_path: Path) -> None:
    image = make_image()
    failed: list[str] = []
    done = threading.Event()

    def ask(url: str) -> None:
        digest = sha256_hex(image)
        with httpx.Client(timeout=10) as client:
            while not done.is_set():
                try:
                    answer = client.post(f"{url}/api/v1/classify/check-cache", json={"image_hash": digest})
                    assert answer.status_code == 200, answer.text
                except (httpx.HTTPError, AssertionError) as error:
                    failed.append(repr(error))

    with running_service(tmp_path, GUNICORN, web_concurrency=2) as service, ThreadPoolExecutor(8) as pool:
        httpx.post(f"{service.url}/api/v1/classify", files={"image": image}).raise_for_status()
        clients = [pool.submit(ask, service.url) for _ in range(8)]
        try:
            for replaced in (2, 4):
                # A worker that is told to end before it has begun says nothing.
                wait_until(service, partial(has_printed, service, "Application startup complete", replaced))
                service.process.send_signal(signal.SIGHUP)
                wait_until(service, partial(has_printed, service, "Finished server process", replaced))
        finally:
            done.set()
        wait(clients)

    assert failed == []


def test_gunicorns_workers_end_when_their_master_is_killed(tmp_path: Path) -> None:
    with running_service(tmp_path, GUNICORN, web_concurrency=2) as service:
        wait_until(service, partial(has_printed, service, "Application startup complete", 2))
        service.process.kill()
        service.process.wait()

        wait_until(service, partial(has_printed, service, "Finished server process", 2))
        with socket.socket() as next_master:
            next_master.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            next_master.bind(("127.0.0.1", int(service.url.rpartition(":")[2])))
            next_master.listen()
