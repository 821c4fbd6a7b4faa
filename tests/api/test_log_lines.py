"""The log of a real gunicorn in production: one JSON object a line, whoever writes it, and no secret in any."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import EMBEDDED, GUNICORN, ROOT, Service, environment, running_service, wait_until

KEY = "sk-MARKER-KEY"
PRODUCTION: dict[str, Any] = {"env": "production", "log_level": "DEBUG", "allow_open_statistics": True}


def events(service: Service) -> list[dict[str, Any]]:
    """Return every line, each of which must be an object with the fields that all have."""
    found = [json.loads(line) for line in service.printed().splitlines()]
    assert all({"time", "level", "message"} <= event.keys() for event in found)
    return found


def send_raw(service: Service, data: bytes) -> None:
    address = httpx.URL(service.url)
    with socket.create_connection((address.host, address.port or 0), timeout=5) as connection:
        connection.sendall(data)
        connection.settimeout(2)
        connection.recv(65536)


def test_every_line_of_master_and_workers_is_a_json_object(tmp_path: Path) -> None:
    with running_service(tmp_path, GUNICORN, web_concurrency=2, **PRODUCTION) as service:
        wait_until(service, lambda: service.printed().count("startup complete") == 2)
        send_raw(service, b"no HTTP at all\r\n\r\n")
        httpx.get(f"{service.url}/nope")
        first = next(event["message"] for event in events(service) if event["message"].startswith("Booting worker"))
        os.kill(int(first.rpartition(" ")[2]), signal.SIGKILL)
        wait_until(service, lambda: service.printed().count("startup complete") == 3)
        service.process.send_signal(signal.SIGHUP)
        wait_until(service, lambda: service.printed().count("startup complete") == 5)

    messages = [event["message"] for event in events(service)]
    for expected in ("Starting gunicorn", "Listening at", "Booting worker", "Hang up", "Shutting down: Master"):
        assert any(message.startswith(expected) for message in messages), expected
    assert "refused before it was a request" in messages
    assert "Started server process" in service.printed()
    assert any("SIGKILL" in message for message in messages)


def test_a_single_process_in_production_writes_json_alone(tmp_path: Path) -> None:
    with running_service(tmp_path, EMBEDDED, **PRODUCTION) as service:
        httpx.get(f"{service.url}/nope")

    assert {"started", "request"} <= {event["message"] for event in events(service)}


def test_every_line_of_a_request_carries_its_id(tmp_path: Path, fake_models: FakeModels) -> None:
    fake_models.behaviour = Behaviour(status=500)
    model = settings_for_provider("openai", fake_models)
    with running_service(tmp_path, GUNICORN, web_concurrency=1, **PRODUCTION, **model) as service:
        answer = httpx.post(f"{service.url}/api/v1/classify", files={"image": make_image()})
        request_id = answer.json()["request_id"]
        wait_until(service, lambda: '"status": 503, "duration_ms"' in service.printed())

        lines = events(service)

    mine = {event["message"] for event in lines if event.get("request_id") == request_id}
    assert {"asking the model again", "model call failed", "request failed", "request"} <= mine
    others = {event["message"] for event in lines if "request_id" not in event}
    assert not others & mine


@pytest.mark.parametrize("provider", ["openai", "claude", "custom"])
def test_p3_at_the_finest_level_no_image_key_or_users_text_is_in_any_line(
    provider: str, tmp_path: Path, fake_models: FakeModels
) -> None:
    fake_models.script = [Behaviour(), Behaviour(status=401), Behaviour(raw=b"MARKER-REPLY")]
    model = {**settings_for_provider(provider, fake_models), "llm_api_key": KEY}
    with running_service(tmp_path, GUNICORN, web_concurrency=1, **PRODUCTION, **model) as service:
        images = [make_image(comment=b"MARKER-COMMENT") for _ in range(3)]
        for image in images:
            httpx.post(
                f"{service.url}/api/v1/classify",
                files={"image": ("MARKER-{name}.jpg", image)},
                headers={"X-User-ID": "MARKER-{user}", "User-Agent": "MARKER-{0.__class__}", "Authorization": KEY},
            )
            httpx.post(f"{service.url}/api/v1/classify", files={"image": image}, headers={"X-User-ID": "MARKER-USER"})
        httpx.post(f"{service.url}/api/v1/classify/check-cache", content=b'{"image_hash": "MARKER-{0}", ')
        httpx.post(f"{service.url}/api/v1/classify", content=b"MARKER", headers={"Content-Type": "multipart/MARKER"})
        httpx.get(f"{service.url}/api/v1/requests/{{0.__class__}}%0A%1b[31mforged")
        wait_until(service, lambda: "forged" in service.printed())

    printed = service.printed()
    events(service)
    assert "MARKER" not in printed
    assert "\x1b" not in printed
    assert fake_models.calls
    for image in images:
        assert image[40:60].hex() not in printed
    assert not any(call.jpeg and base64_of(call.jpeg) in printed for call in fake_models.calls)


def base64_of(jpeg: bytes) -> str:
    import base64

    return base64.b64encode(jpeg).decode()[100:160]


WRITER = """
import asyncio, sys
from app.observe.logs import configure_logging

async def main():
    log = configure_logging(level="INFO", as_json=True)
    for turn in range(100):
        for number in range(60):
            log.write(f"req_1_{turn:06}{number:06}", "GET", "/" + "x" * 100, 200, 1)
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_lines_of_processes_that_share_a_full_pipe_do_not_mix(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER], cwd=ROOT, env=environment(tmp_path), stdout=writing)
        for _ in range(2)
    ]
    os.close(writing)
    text = b""
    while chunk := os.read(reading, 1000):  # in small pieces: so the pipe is full most of the time
        text += chunk
    os.close(reading)

    assert [writer.wait(10) for writer in writers] == [0, 0]
    lines = text.splitlines()
    assert len(lines) == 2 * 100 * 60
    assert all(json.loads(line)["path"] == "/" + "x" * 100 for line in lines)
