"""Streams of the live feed through the service as a process: quick, bounded, gone when the process is to end."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.factories import make_image
from tests.support.figures import Figures
from tests.support.live_stream import STREAM, open_stream
from tests.support.service_process import EMBEDDED, GUNICORN, Service, running_service, wait_until

PRODUCTION: dict[str, Any] = {"env": "production", "allow_open_statistics": True}
SOON_SECONDS = 5
"""Less than one on a machine that has nothing else to do; tests/slow/test_live_feed.py asks for two."""

MAX_STREAMS = 20
POINTS = 180


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), **PRODUCTION) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url) as opened:
        wait_until(service, lambda: open_streams(opened) == 0)  # those of the test before
        yield opened


def open_streams(client: httpx.Client) -> float:
    return Figures.of(client.get("/metrics").text).sum("live_streams")


def classify(client: httpx.Client, image: bytes) -> None:
    client.post("/api/v1/classify", files={"image": image}).raise_for_status()


def test_a_stream_begins_with_all_points_and_goes_on_with_what_has_changed(client: httpx.Client) -> None:
    with open_stream(client) as stream:
        name, first = stream.next_event()
        classify(client, image := make_image())
        classify(client, image)
        later = stream.wait_for_requests(first["today"]["total_requests"] + 2)

    assert (name, len(first["points"])) == ("live", POINTS)
    assert len(later["points"]) <= 2
    assert sum(point["bytes"] for point in later["points"]) >= 1
    polled = client.get("/api/v1/stats/live").json()["data"]
    assert list(polled) == list(first) == list(later)
    assert later["today"] == client.get("/api/v1/stats/today").json()["data"]


def test_streams_are_bounded_and_who_hangs_up_frees_a_place_at_once(service: Service, client: httpx.Client) -> None:
    with ExitStack() as streams:
        for _ in range(MAX_STREAMS):
            assert streams.enter_context(open_stream(client)).response.status_code == 200

        refused = client.get(STREAM)

        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "too_many_streams")
        assert int(refused.headers["retry-after"]) > 0
        assert open_streams(client) == MAX_STREAMS
    wait_until(service, lambda: open_streams(client) == 0, seconds=2)


def test_the_head_alone_is_answered_at_once(client: httpx.Client) -> None:
    answer = client.head(STREAM)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


def test_a_stream_is_one_line_of_the_log_and_no_slow_request(service: Service, client: httpx.Client) -> None:
    with open_stream(client) as stream:
        request_id = stream.response.headers["x-request-id"]
        stream.next_event()
        stream.next_event()  # some seconds later

    wait_until(service, lambda: request_id in service.printed())
    (line,) = [line for line in service.printed().splitlines() if request_id in line]
    entry = json.loads(line)
    assert (entry["path"], entry["status"]) == (STREAM, 200)
    assert entry["duration_ms"] < 500
    assert "stats/live/stream" not in re.sub(r'.*status="503".*', "", client.get("/metrics").text)


@pytest.mark.parametrize("command", [EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def test_open_streams_do_not_keep_a_process_from_ending(command: Sequence[str], tmp_path: Path) -> None:
    with (
        running_service(tmp_path, command, web_concurrency=2, **PRODUCTION) as service,
        httpx.Client(base_url=service.url) as client,
        open_stream(client) as stream,
    ):
        stream.next_event()
        address = httpx.URL(service.url)
        with socket.create_connection((address.host, address.port or 0), timeout=10) as kept:
            kept.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = kept.recv(65536)
            begun = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            stream.wait_for(lambda name, _: name == "end")
            while more := kept.recv(65536):  # until the server closes it: who has had a stream does not
                received += more
            service.process.wait(10)
            took = time.monotonic() - begun

        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in received
        assert b"event: end\n" in received
        assert took < SOON_SECONDS
        assert "Traceback" not in service.printed()


def test_open_streams_do_not_keep_the_server_of_a_developer_from_being_replaced(tmp_path: Path) -> None:
    """With APP_DEBUG the server is a child of the reloader, which ends it in the same way for a change and for good."""
    with (
        running_service(tmp_path, app_debug=True) as service,
        httpx.Client(base_url=service.url) as client,
        open_stream(client) as stream,
    ):
        stream.next_event()
        begun = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        stream.wait_for(lambda name, _: name == "end")
        service.process.wait(10)

        assert time.monotonic() - begun < SOON_SECONDS


def test_a_request_to_any_worker_is_soon_told_by_every_worker(tmp_path: Path) -> None:
    with (
        running_service(tmp_path, GUNICORN, web_concurrency=2) as service,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(httpx.Client(base_url=service.url)) for _ in range(6)]
        streams = [stack.enter_context(open_stream(client)) for client in clients]
        for stream in streams:
            stream.next_event()
        with httpx.Client(base_url=service.url) as client:
            classify(client, make_image())
        begun = time.monotonic()

        told = [stream.wait_for_requests(1) for stream in streams]

        assert time.monotonic() - begun < SOON_SECONDS
        assert [data["today"]["total_requests"] for data in told] == [1] * 6
        wait_until(service, lambda: open_streams(clients[0]) == len(streams))  # of both workers together


def test_what_is_under_way_is_that_of_all_workers(tmp_path: Path) -> None:
    head = (
        "POST /api/v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n"
    )
    with running_service(tmp_path, GUNICORN, web_concurrency=2) as service, ExitStack() as uploads:
        address = httpx.URL(service.url)
        for _ in range(8):
            connection = socket.create_connection((address.host, address.port or 0), timeout=10)
            uploads.enter_context(connection)
            connection.sendall(head.encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        with httpx.Client(base_url=service.url) as client, open_stream(client) as stream:
            stream.wait_for(lambda name, data: name == "live" and data["state"]["uploads_in_progress"] == 8)
