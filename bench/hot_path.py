"""How fast the cached answers are: throughput as a ratio to an empty application on the same server, with one worker.

    .venv/bin/python -m bench.hot_path [--images 100000] [--connections 64] [--seconds 4] [--rounds 5] [--only NAME]

Real MySQL, one gunicorn worker each, a known user, every hit durably recorded. The pairs take turns within each round,
and the median of the rounds' ratios counts. Needs `wrk` (Debian: apt-get install wrk).
"""

import argparse
import hashlib
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.overhead import make_photo
from tests.support.mysql_server import MySQLServer, provision
from tests.support.service_process import GUNICORN, ROOT, running_service

EMPTY = (*GUNICORN[:-1], "bench.empty:app")
SAMPLE = 100_000
_IN_MEMORY = 5_000
"""Half of what the memory cache holds by default: after the warm-up all of them are there."""
_FILL_STEP = 100_000


@dataclass(frozen=True)
class Load:
    """What wrk is to send: where to, and a Lua script that says what."""

    url: str
    script: Path


def fill(server: MySQLServer, database: str, images: int) -> None:
    """Make the table of classified images hold those with the hashes of '0', '1', ... up to `images`."""
    script = (ROOT / "sql/init.sql").read_text(encoding="utf-8").replace("`image_classifier`", f"`{database}`")
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


def hash_script(folder: Path, name: str, hashes: Iterator[str]) -> Path:
    """Write a script that asks for these hashes, in random order."""
    (folder / f"{name}.txt").write_text("\n".join(hashes), encoding="ascii")
    script = folder / f"{name}.lua"
    script.write_text(
        f"""
local hashes = {{}}
for line in io.lines("{folder / name}.txt") do hashes[#hashes + 1] = line end
math.randomseed(os.time())
local headers = {{["Content-Type"] = "application/json", ["X-User-ID"] = "device-42"}}
request = function()
  return wrk.format("POST", nil, headers, '{{"image_hash":"' .. hashes[math.random(#hashes)] .. '"}}')
end
""",
        encoding="utf-8",
    )
    return script


def upload_script(folder: Path, photo: bytes) -> Path:
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


def throughput(load: Load, connections: int, seconds: float) -> float:
    """Return requests per second. A single answer other than 200 makes the figure worthless: it is an error."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(load.script), load.url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert found, output
    return float(found[1])


@contextmanager
def one_worker(settings: dict[str, Any], command: tuple[str, ...] = GUNICORN) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        values = {"llm_provider": "openai", "llm_api_key": "k", "llm_base_url": "http://127.0.0.1:9/v1", **settings}
        with running_service(Path(folder), command, web_concurrency=1, **values) as service:
            yield service.url


def compare(name: str, ours: Load, other: Load, connections: int, seconds: float, rounds: int) -> float:
    """Print one row of the table and return the median ratio."""
    throughput(ours, connections, 5), throughput(other, connections, 1)  # warm
    pairs = [(throughput(ours, connections, seconds), throughput(other, connections, seconds)) for _ in range(rounds)]
    ratios = [one / two for one, two in pairs]
    ratio = statistics.median(ratios)
    one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"| {name} | {connections} | {one:.0f} | {two:.0f} | {min(ratios):.2f} - {max(ratios):.2f} | **{ratio:.2f}** |",
        flush=True,
    )
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[64])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["hit", "miss", "memory", "upload"], nargs="+")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk, or build it from github.com/wg/wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        database = f"image_classifier_bench_{arguments.images}"
        fill(server, database, arguments.images)
        settings = server.settings(database)
        empty = stack.enter_context(one_worker({}, EMPTY))
        plain = stack.enter_context(one_worker({**settings, "memory_cache_entries": 0}))
        remembering = stack.enter_context(one_worker(settings))
        step = max(1, arguments.images // SAMPLE)
        known = hash_script(
            folder, "known", (hashlib.sha256(b"%d" % i).hexdigest() for i in range(0, arguments.images, step))
        )
        popular = hash_script(folder, "popular", (hashlib.sha256(b"%d" % i).hexdigest() for i in range(_IN_MEMORY)))
        unknown = hash_script(folder, "unknown", (secrets.token_hex(32) for _ in range(SAMPLE)))
        photo = make_photo()
        server.query(
            "INSERT IGNORE INTO image_classification_cache (image_hash, category, confidence, description, model_used, "
            f"prompt_version) VALUES ('{hashlib.sha256(photo).hexdigest()}', 'pets', 0.9, 'x', 'gpt-6-luna', '1')",
            database,
        )
        upload = upload_script(folder, photo)
        check = "/api/v1/classify/check-cache"
        pairs = {
            "hit": ("check-cache hit, no memory", Load(plain + check, known), Load(f"{empty}/hit", known)),
            "miss": ("check-cache miss", Load(plain + check, unknown), Load(f"{empty}/miss", unknown)),
            "memory": ("check-cache hit, in memory", Load(remembering + check, popular), Load(f"{empty}/hit", popular)),
            "upload": (
                f"classify hit, {len(photo) // 1000} KB",
                Load(f"{plain}/api/v1/classify", upload),
                Load(f"{empty}/upload", upload),
            ),
        }
        print(f"MySQL {server.version}, {arguments.images} cached images, {arguments.rounds} rounds\n")
        print(
            "| what | connections | requests/s | empty route's | ratios | median |\n"
            "| --- | --- | --- | --- | --- | --- |"
        )
        for name in arguments.only or pairs:
            for connections in arguments.connections:
                compare(*pairs[name], connections, arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
