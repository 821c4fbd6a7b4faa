"""What other people's HTTP clients make of an answer that is sent before their upload was read, without a proxy."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apt_unpack import unpack_file
from tests.support.service_process import EMBEDDED, GUNICORN, Service, running_service

FOLDER = Path(__file__).parent / "clients"
TIMES = 20
KEY = "a-key-of-the-tests-apps"
MIB = 1024 * 1024
PYTHON = [sys.executable, str(FOLDER / "upload.py")]
CLIENTS = ["okhttp", "jdk", "fetch", "axios", "http", "http.client", "urllib", "aiohttp"]
REFUSALS = [(11, KEY, "413"), (40, KEY, "413"), (8, "none", "401")]


@pytest.fixture(scope="session")
def java() -> list[str]:
    """The command that sends with OkHttp or the JDK's own client."""
    if shutil.which("javac") is None:
        pytest.skip("there is no JDK")
    try:
        jars = [unpack_file(f"lib{name}-java", f"usr/share/java/{name}.jar") for name in ("okhttp", "okio")]
    except RuntimeError as reason:
        pytest.skip(f"OkHttp cannot be had: {reason}")
    return ["java", "-cp", ":".join(map(str, jars)), str(FOLDER / "Upload.java")]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that sends with what Node has, or with axios."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm")
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(FOLDER / "upload.mjs", folder)
    installed = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "axios@1"], cwd=folder, capture_output=True, text=True
    )
    if installed.returncode != 0:
        pytest.skip(f"axios cannot be had: {installed.stderr}")
    return ["node", str(folder / "upload.mjs")]


@pytest.fixture(scope="module", params=[EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), request.param, api_keys=KEY, web_concurrency=1) as started:
        yield started


def statuses(command: list[str], client: str, service: Service, mib: int, key: str, times: int) -> Counter[str]:
    """Return how often the client saw which status, or said which error."""
    ended = subprocess.run(
        [*command, client, f"{service.url}/api/v1/classify", str(mib * MIB), str(times), key],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return Counter(ended.stdout.splitlines())


@pytest.mark.parametrize(("mib", "key", "status"), REFUSALS, ids=["413 of 11 MiB", "413 of 40 MiB", "401 of 8 MiB"])
@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_sees_the_answer_to_an_upload_that_is_not_read(
    client: str, mib: int, key: str, status: str, service: Service, request: pytest.FixtureRequest
) -> None:
    if client in ("okhttp", "jdk"):
        command = request.getfixturevalue("java")
    else:
        command = PYTHON if client in ("http.client", "urllib", "aiohttp") else request.getfixturevalue("node")

    assert statuses(command, client, service, mib, key, TIMES) == {status: TIMES}
