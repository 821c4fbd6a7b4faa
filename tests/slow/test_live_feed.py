"""The live feed as a dashboard sees it: through nginx, over several workers, while the database comes and goes."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import TEST_DATABASE, schema_of
from tests.factories import make_image
from tests.support.live_stream import open_stream
from tests.support.mysql_server import MySQLServer, provision_private
from tests.support.proxy import Proxy, running_proxy
from tests.support.service_process import GUNICORN, Service, running_service, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), GUNICORN, web_concurrency=2) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with running_proxy(tmp_path_factory.mktemp("proxied") / "nginx", service.url) as started:
        yield started


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_an_event_comes_through_the_proxy_within_two_seconds(version: str, service: Service, proxy: Proxy) -> None:
    headers = {"Accept-Encoding": "gzip"}
    with (
        httpx.Client(base_url=proxy.url, verify=proxy.tls(), http2=version == "HTTP/2", headers=headers) as client,
        open_stream(client) as stream,
    ):
        assert stream.response.http_version == version
        assert "content-encoding" not in stream.response.headers
        _, first = stream.next_event()
        for number in range(1, 4):  # by a connection each, so to any worker
            httpx.post(f"{service.url}/api/v1/classify", files={"image": make_image()}, timeout=30).raise_for_status()
            answered = time.monotonic()
            stream.wait_for_requests(first["today"]["total_requests"] + number)
            assert time.monotonic() - answered < 2


def test_a_client_of_the_proxy_that_hangs_up_frees_its_place(service: Service, proxy: Proxy) -> None:
    def streams() -> int:
        figures = httpx.get(f"{service.url}/metrics").text
        return int(float(figures.partition("\nimage_classifier_live_streams ")[2].partition("\n")[0]))

    with httpx.Client(base_url=proxy.url, verify=proxy.tls()) as client, open_stream(client) as stream:
        stream.next_event()
        wait_until(service, lambda: streams() == 1)

    wait_until(service, lambda: streams() == 0, seconds=2)


@pytest.fixture
def private_mysql() -> Iterator[MySQLServer]:
    """A server that may be crashed."""
    server = provision_private()
    try:
        server.query(schema_of(TEST_DATABASE))
        yield server
    finally:
        server.stop()


def test_a_stream_tells_that_the_database_is_away_and_goes_on_when_it_is_back(
    private_mysql: MySQLServer, tmp_path: Path
) -> None:
    settings = {**private_mysql.settings(TEST_DATABASE), "spool_dir": tmp_path / "spool"}
    with (
        running_service(tmp_path, GUNICORN, web_concurrency=2, **settings) as service,
        httpx.Client(base_url=service.url, timeout=30) as client,
        open_stream(client) as stream,
    ):
        client.post("/api/v1/classify", files={"image": make_image()}).raise_for_status()
        stream.wait_for_requests(1)

        assert private_mysql.crash
        assert private_mysql.restart
        private_mysql.crash()
        _, trouble = stream.wait_for(lambda name, _: name == "trouble")
        client.post("/api/v1/classify", files={"image": make_image()}).raise_for_status()  # it is in the spool
        private_mysql.restart()
        stream.wait_for(lambda name, _: name == "live")
        stream.wait_for_requests(2)

        assert trouble == {"code": "database_unavailable"}
        assert service.printed().count("the live feed pauses") == 1
        assert "Traceback" not in service.printed()
