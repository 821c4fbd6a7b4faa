"""The photos as a web client sends them: shrunk on a canvas of a real Chromium, which gets them from a server here and
sends back what it made."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_PAGE = Path(__file__).with_name("canvas.html")
_SECONDS = 300


class NoChromium(Exception):
    """There is none, or it did not do its work; the message says why."""


def shrink(photos: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return each photo as `toBlob('image/jpeg', 0.8)` gives it, 1024 pixels long. Raises `NoChromium`."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise NoChromium("not on the PATH (Debian: apt-get install chromium)")
    work = _Work(photos)
    with _serving(work) as url, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # A port for debuggers keeps it there until it is told to end.
        options = ["--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # it refuses to run as root with one; the page is ours
        browser = subprocess.Popen(
            [program, *options, f"--user-data-dir={profile}", url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        )
        try:
            _wait_for(work, browser)
        finally:
            browser.terminate()
            browser.wait(30)
    return work.shrunk


def _wait_for(work: "_Work", browser: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _SECONDS
    while not work.done.wait(0.2):
        if browser.poll() is not None or time.monotonic() > end:
            raise NoChromium(f"ended with {browser.poll()}, or took more than {_SECONDS} seconds")


class _Work:
    """What the page is given, and what it has sent back."""

    def __init__(self, photos: Mapping[str, bytes]) -> None:
        self.photos = photos
        self.shrunk: dict[str, bytes] = {}
        self.done = threading.Event()

    def answer(self, path: str) -> tuple[str, bytes]:
        """Return the type and the body of what is at a path."""
        if path == "/photos":
            return "application/json", json.dumps(list(self.photos)).encode()
        if path.startswith("/photos/"):
            return "image/jpeg", self.photos[unquote(path.removeprefix("/photos/"))]
        return "text/html", _PAGE.read_bytes()

    def take(self, path: str, body: bytes) -> None:
        if path == "/done":
            self.done.set()
        else:
            self.shrunk[unquote(path.removeprefix("/shrunk/"))] = body


@contextmanager
def _serving(work: _Work) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = work.answer(self.path)
            self._send(kind, body)

        def do_POST(self) -> None:
            work.take(self.path, self.rfile.read(int(self.headers["Content-Length"] or 0)))
            self._send("text/plain", b"")

        def log_message(self, *_: object) -> None:
            pass

        def _send(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
