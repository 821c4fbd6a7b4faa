"""P3 by the kernel's account: nginx and gunicorn, as deployed, write no byte of a photo anywhere.

Every system call that opens or writes a file is watched while photos of all sizes and forms go through; then what they
did write, their logs and the tables are searched for a marker that was in pixels, metadata and names.
"""

import base64
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.api.test_privacy import MARKER, everything_in, image_with_marker
from tests.conftest import TABLES, TEST_DATABASE, settings_for_provider
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.mysql_server import MySQLServer
from tests.support.proxy import Proxy, program_or_skip, running_proxy
from tests.support.service_process import GUNICORN, Service, running_service
from tests.support.system_calls import files_written, tracer

LIMIT = 10 * 1024 * 1024


@pytest.fixture
def strace() -> list[str]:
    return program_or_skip("strace", "usr/bin/strace")


@pytest.fixture
def service(
    strace: list[str], mysql_settings: dict[str, Any], fake_models: FakeModels, tmp_path: Path
) -> Iterator[Service]:
    (tmp_path / "service").mkdir()
    settings = {
        **mysql_settings,
        **settings_for_provider("openai", fake_models),
        "spool_dir": tmp_path / "service/spool",
        "env": "production",
        "allow_open_statistics": True,
        "log_level": "DEBUG",
        "web_concurrency": 2,
        "pythondontwritebytecode": 1,
    }
    command = [*tracer(strace, tmp_path / "gunicorn.strace"), *GUNICORN]
    with running_service(tmp_path / "service", command, **settings) as started:
        yield started


@pytest.fixture
def proxy(strace: list[str], service: Service, tmp_path: Path) -> Iterator[Proxy]:
    with running_proxy(tmp_path / "nginx", service.url, tracer(strace, tmp_path / "nginx.strace")) as started:
        yield started


def jpeg_with_marker(red: int = 0) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = MARKER.decode()
    output = BytesIO()
    Image.new("RGB", (640, 480), (red, 0, 0)).save(output, "JPEG", exif=exif, comment=MARKER)
    return output.getvalue()


def multipart(image: bytes) -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="image"; filename="' + MARKER + b'.png"\r\n\r\n'
    return head + image + b"\r\n--B--\r\n"


def post_chunked(client: httpx.Client, image: bytes, chunk: int) -> httpx.Response:
    body = multipart(image)
    chunks = (body[start : start + chunk] for start in range(0, len(body), chunk))
    return client.post("/classify", content=chunks, headers={"Content-Type": "multipart/form-data; boundary=B"})


def post_raw(proxy: Proxy, head: str, body: bytes) -> bytes:
    """Send a request as it is given, and hang up after whatever answer comes within a moment."""
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as plain,
        proxy.tls().wrap_socket(plain, server_hostname="localhost") as connection,
        suppress(OSError),
    ):
        connection.sendall(
            f"POST /api/v1/classify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: multipart/form-data; boundary=B\r\n{head}\r\n\r\n".encode()
            + body
        )
        return connection.recv(65536)
    return b""


def smallest_chunks(body: bytes) -> bytes:
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


def upload_all_ways(proxy: Proxy, models: FakeModels) -> tuple[list[int], list[int]]:
    """Return the status of each answer: of good photos, and of what cannot be answered with a category."""
    url = f"{proxy.url}/api/v1"
    good, bad = [], []
    with httpx.Client(base_url=url, verify=proxy.tls(), timeout=60) as client:
        for megabytes in (0.5, 1, 2, 5, 9.9):
            image = image_with_marker(megabytes)
            good.append(client.post("/classify", files={"image": (MARKER.decode(), image)}).status_code)
            good.append(post_chunked(client, image + b"\0", 16_384).status_code)
        good.append(post_chunked(client, image_with_marker(2) + b"\0\0", 50).status_code)
        good.append(client.post("/classify", files={"image": jpeg_with_marker()}).status_code)
        bad.append(client.post("/classify", data={"image": MARKER.decode()}).status_code)
        bad.append(client.post("/classify", files={"image": image_with_marker(2)[:1_500_000]}).status_code)
        bad.append(client.post("/classify", files={"image": MARKER * 40_000}).status_code)
        bad.append(client.post("/classify", files={"image": image_with_marker(9.9) + bytes(LIMIT)}).status_code)
        for behaviour in (Behaviour(status=500), Behaviour(finish="refusal", text="no"), Behaviour(text="no json")):
            models.behaviour = behaviour
            image = jpeg_with_marker(red=20 * len(bad))  # another photo each time, which nobody knows
            bad.append(client.post("/classify", files={"image": image}).status_code)
        models.reset()
        bad.append(client.post("/classify/check-cache", content=b'{"image_hash": "' + MARKER + b'"}').status_code)
    with httpx.Client(base_url=url, verify=proxy.tls(), timeout=60, http2=True) as client:
        good.append(client.post("/classify", files={"image": image_with_marker(7)}).status_code)
    return good, bad


def send_what_has_no_end_or_too_much(proxy: Proxy) -> bytes:
    """Return the answer to the photo in the smallest chunks: more on the wire than any whole body."""
    body = multipart(image_with_marker(3))
    post_raw(proxy, f"Content-Length: {len(body)}", body[:2_000_000])
    post_raw(proxy, "Transfer-Encoding: chunked", b"200000\r\n" + body[:2_000_000])
    post_raw(proxy, "Transfer-Encoding: chunked", b"A00000\r\n" + body * 3 + b"\r\n" + b"A00000\r\n" + body * 3)
    return post_raw(proxy, "Transfer-Encoding: chunked", smallest_chunks(body))


def metrics_files(tmp_path: Path) -> bytes:
    """Return what is in the workers' files of figures, which are memory and not on the disk."""
    paths = [path for path in files_written(tmp_path / "gunicorn.strace") if "image-classifier-metrics" in path]
    assert paths
    return b"".join(Path(path).read_bytes() for path in paths if Path(path).exists())


def without_what_may_be_written(paths: set[str], tmp_path: Path) -> set[str]:
    """Leave out the logs, the pid, the spool (searched below), gunicorn's heartbeats, and the devices."""
    known = [
        rf"{tmp_path}/nginx/(access\.log|error\.log|output|nginx\.pid|ssl/key\.pem|ssl/cert\.pem)",
        rf"{tmp_path}/service/(service\.log|spool/\w+\.(spool|new))",
        r"/dev/shm/wgunicorn-\w+( \(deleted\))?",
        r"/dev/shm/image-classifier-metrics-\w+/((counter|histogram|gauge_livesum)_\d+\.db|decoding\.lock)",
        r"/dev/(null|urandom|tty|pts/\d+)",
        r"/proc/.*",
    ]
    return {path for path in paths if not any(re.fullmatch(pattern, path) for pattern in known)}


def test_p3_nginx_and_gunicorn_write_no_byte_of_a_photo_anywhere(
    proxy: Proxy, service: Service, fake_models: FakeModels, mysql_server: MySQLServer, tmp_path: Path
) -> None:
    good, bad = upload_all_ways(proxy, fake_models)
    in_smallest_chunks = send_what_has_no_end_or_too_much(proxy)

    assert set(good) == {200}
    assert bad == [400, 400, 400, 413, 503, 422, 502, 400]
    assert in_smallest_chunks.startswith(b"HTTP/1.1 200 ")
    for name in ("nginx", "gunicorn"):
        written = files_written(tmp_path / f"{name}.strace")
        assert written  # strace did watch
        assert without_what_may_be_written(written, tmp_path) == set()
    assert "temporary file" not in (proxy.folder / "error.log").read_text()

    rows = repr([mysql_server.query(f"SELECT * FROM {table}", TEST_DATABASE) for table in TABLES]).encode()
    written_files = everything_in(proxy.folder) + everything_in(tmp_path / "service") + metrics_files(tmp_path)
    assert len(mysql_server.query("SELECT id FROM request_log", TEST_DATABASE)) == len(good) + 1
    assert len(service.printed().splitlines()) > 20
    for trace in (
        MARKER,
        *(base64.b64encode(b"x" * shift + MARKER)[4:-4] for shift in range(3)),
        MARKER.hex().encode(),
    ):
        assert trace not in rows
        assert trace not in written_files


def test_p3_strace_would_have_seen_a_file_without_a_name(strace: list[str], tmp_path: Path) -> None:
    script = "import tempfile; tempfile.TemporaryFile().write(b'x')"
    subprocess.run([*tracer(strace, tmp_path / "out"), sys.executable, "-c", script], check=True)

    assert [path for path in files_written(tmp_path / "out") if path.startswith("/tmp/#") or "(deleted)" in path]
