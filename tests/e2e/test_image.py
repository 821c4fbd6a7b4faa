"""The image by itself, before it is published: it starts, it says what it is, it classifies, it ends.

IMAGE names one that is there (`make test-image`); without it one is built.
"""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from app.version import VERSION
from tests.e2e.stack import ROOT, wait_until

# As in docker-compose.yml, but for MySQL: SQLite's file lies where the image may write.
OPTIONS = [
    *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp"),
    *("--tmpfs=/srv/data:uid=65534,gid=65534", "--env=SQLITE_PATH=data/of-the-test.db"),
    *("--env=LLM_PROVIDER=local", "--env=WEB_CONCURRENCY=2"),
]
START_SECONDS = 180


def docker(*arguments: str, seconds: float = 120) -> str:
    done = subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    if named := os.environ.get("IMAGE"):
        yield named
        return
    built = f"localhost/image-classifier-e2e-{secrets.token_hex(4)}"
    docker("build", "--tag", built, ".", seconds=900)
    yield built
    docker("rmi", built)


@pytest.fixture
def container(image: str) -> Iterator[str]:
    keys = f"--env=ADMIN_API_KEYS={secrets.token_hex(32)}"
    started = docker("run", "--detach", "--publish=127.0.0.1::8000", *OPTIONS, keys, image)
    yield started
    docker("rm", "--force", "--volumes", started)


@pytest.fixture
def client(container: str) -> Iterator[httpx.Client]:
    address = docker("port", container, "8000/tcp").splitlines()[0]
    with httpx.Client(base_url=f"http://{address}", timeout=60) as connected:

        def answers() -> bool:
            assert docker("inspect", "--format", "{{.State.Running}}", container) == "true", log(container)
            try:
                return connected.get("/api/v1/health").is_success
            except httpx.TransportError:  # it starts
                return False

        wait_until(answers, START_SECONDS)
        yield connected


def log(container: str) -> str:
    done = subprocess.run(["docker", "logs", "--tail", "50", container], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_it_is_healthy_and_of_the_version_that_it_is_published_as(client: httpx.Client) -> None:
    assert client.get("/api/v1/health").json()["status"] == "healthy"
    assert client.get("/openapi.json").json()["info"]["version"] == VERSION


def test_the_images_own_health_check_finds_it_healthy(client: httpx.Client, container: str) -> None:
    wait_until(lambda: docker("inspect", "--format", "{{.State.Health.Status}}", container) == "healthy", 60)


def test_it_classifies_a_photo_and_knows_it_the_second_time(client: httpx.Client) -> None:
    photo = (ROOT / "samples/cat.png").read_bytes()

    first, again = (client.post("/api/v1/classify", files={"image": photo}).json() for _ in range(2))

    assert (first["from_cache"], again["from_cache"]) == (False, True), json.dumps([first, again])
    assert again["data"]["category"] == first["data"]["category"]


def test_it_ends_in_order_when_it_is_told_to(client: httpx.Client, container: str) -> None:
    docker("stop", "--time", "95", container)

    assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0", log(container)
