"""What the measurements send, to what: images in MySQL, wrk's scripts, services of one worker each.

Needs `wrk` (Debian: apt-get install wrk).
"""

import hashlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.mysql_server import MySQLServer
from tests.support.service_process import GUNICORN, ROOT, Service, running_service

SAMPLE = 100_000
EMPTY = "bench.empty:app"
_SERVICE = "app.main:app"
_IN_MEMORY = 5_000
"""Half of what the memory cache holds by default: after the warm-up all of them are there."""
_FILL_STEP = 100_000


@dataclass(frozen=True)
class Load:
    """Requests of one kind: the service's path and the empty application's, and a Lua script that says what is sent."""

    title: str
    path: str
    empty_path: str
    script: Path
    remembering: bool = False
    """Whether the service is to keep answers in memory."""


@dataclass(frozen=True)
class Answered:
    """How many requests were answered, and how many of them a second."""

    requests: int
    per_second: float


def require_wrk() -> None:
    """End the program with one line if there is no wrk."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk, or build it from github.com/wg/wrk")


def send(script: Path, url: str, connections: int, seconds: int) -> Answered:
    """Send requests for so long. A single answer other than 200 makes the figures worthless: it is an error."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    found = re.search(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", output, re.DOTALL)
    assert found, output
    return Answered(int(found[1]), float(found[2]))


@contextmanager
def one_worker(settings: dict[str, Any], application: str = _SERVICE, root: Path = ROOT) -> Iterator[Service]:
    """Run one gunicorn worker, on the code in `root`."""
    with some_workers(1, settings, application, root) as service:
        yield service


@contextmanager
def some_workers(
    count: int, settings: dict[str, Any], application: str = _SERVICE, root: Path = ROOT
) -> Iterator[Service]:
    """Run so many gunicorn workers, on the code in `root`."""
    command = (*GUNICORN[:-2], str(root / "gunicorn_config.py"), application)
    code = {"pythonpath": root, "web_concurrency": count}
    model = {"llm_provider": "openai", "llm_api_key": "k", "llm_base_url": "http://127.0.0.1:9/v1"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), command, **code, **model, **settings) as service,
    ):
        yield service


def fill(server: MySQLServer, database: str, images: int, root: Path = ROOT) -> None:
    """Make the table of classified images hold those with the hashes of '0', '1', ... up to `images`."""
    script = (root / "sql/init.sql").read_text(encoding="utf-8").replace("`image_classifier`", f"`{database}`")
    server.query(script)
    ((present,),) = server.query("SELECT COUNT(*) FROM image_classification_cache", database)
    for start in range(int(str(present)), images, _FILL_STEP):
        count = min(_FILL_STEP, images - start)
        server.query(
            f"SET SESSION cte_max_recursion_depth = {_FILL_STEP + 1};"
            "INSERT INTO image_classification_cache "
            "(image_hash, category, confidence, description, model_used, model_response, prompt_version) "
            f"WITH RECURSIVE n AS (SELECT {start} AS i UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {start + count}) "
            "SELECT SHA2(i, 256), 'pets', 0.9, '一只猫在窗台上晒太阳', 'gpt-6-luna', "
            "JSON_OBJECT('category', 'pets', 'confidence', 0.9), '1' FROM n",
            database,
        )
        print(f"  {start + count} images", file=sys.stderr)


def insert_photo(server: MySQLServer, database: str, photo: bytes) -> None:
    """Make the photo a known one."""
    server.query(
        "INSERT IGNORE INTO image_classification_cache (image_hash, category, confidence, description, model_used, "
        f"prompt_version) VALUES ('{hashlib.sha256(photo).hexdigest()}', 'pets', 0.9, 'x', 'gpt-6-luna', '1')",
        database,
    )


def known_hashes(images: int) -> Iterator[str]:
    """Return the hashes of at most some `SAMPLE` of the images, spread over all of them."""
    return (hashlib.sha256(b"%d" % number).hexdigest() for number in range(0, images, max(1, images // SAMPLE)))


def write_loads(folder: Path, images: int, photo: bytes) -> dict[str, Load]:
    """Write the scripts and return the loads by their short names."""
    check = "/api/v1/classify/check-cache"
    known = hash_script(folder, "known", known_hashes(images))
    popular = hash_script(folder, "popular", known_hashes(min(images, _IN_MEMORY)))
    unknown = hash_script(folder, "unknown", (secrets.token_hex(32) for _ in range(SAMPLE)))
    upload = _upload_script(folder, photo)
    return {
        "hit": Load("check-cache hit, no memory", check, "/hit", known),
        "memory": Load("check-cache hit, in memory", check, "/hit", popular, remembering=True),
        "miss": Load("check-cache miss", check, "/miss", unknown),
        "upload": Load(f"classify hit, {len(photo) // 1000} KB", "/api/v1/classify", "/upload", upload),
    }


def hash_script(folder: Path, name: str, hashes: Iterable[str], users: int = 1) -> Path:
    """Write a script that asks for these hashes, in random order, in the name of so many users."""
    (folder / f"{name}.txt").write_text("\n".join(hashes), encoding="ascii")
    script = folder / f"{name}.lua"
    script.write_text(
        f"""
local hashes = {{}}
for line in io.lines("{folder / name}.txt") do hashes[#hashes + 1] = line end
math.randomseed(os.time())
local headers = {{["Content-Type"] = "application/json", ["X-User-ID"] = "device-42"}}
request = function()
  if {users} > 1 then headers["X-User-ID"] = "device-" .. math.random({users}) end
  return wrk.format("POST", nil, headers, '{{"image_hash":"' .. hashes[math.random(#hashes)] .. '"}}')
end
""",
        encoding="utf-8",
    )
    return script


def _upload_script(folder: Path, photo: bytes) -> Path:
    """Write a script that uploads the photo again and again."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="p.jpg"\r\n\r\n'.encode()
    (folder / "upload.body").write_bytes(head + photo + f"\r\n--{boundary}--\r\n".encode())
    script = folder / "upload.lua"
    script.write_text(
        f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "multipart/form-data; boundary={boundary}"
wrk.headers["X-User-ID"] = "device-42"
local file = io.open("{folder / "upload.body"}", "rb")
wrk.body = file:read("*a")
""",
        encoding="utf-8",
    )
    return script
