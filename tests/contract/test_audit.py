"""The audit of our packages fails on whatever it finds; what it could not ask about it lets pass, and says so."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.service_process import ROOT

CLEAN = b"{}"
VULNERABLE = json.dumps(
    {"vulns": [{"id": "OSV-1", "summary": "a hole", "affected": [{"package": {"name": "idna", "ecosystem": "PyPI"}}]}]}
).encode()


@contextmanager
def vulnerability_service(status: int, body: bytes) -> Iterator[str]:
    """A service that says the same of every package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audit(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    requirements = folder / "requirements.txt"
    requirements.write_text("idna==3.20\ncolorama==0.4.6 ; sys_platform == 'win32'\n", encoding="utf-8")
    command = [sys.executable, "-m", "scripts.audit", "--osv-url", url, "--requirements", str(requirements)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize(
    ("status", "body", "passes"),
    [(200, CLEAN, True), (200, VULNERABLE, False), (500, b"", False), (200, b"<html>", False)],
)
def test_whatever_the_service_says_decides(status: int, body: bytes, passes: bool, tmp_path: Path) -> None:
    with vulnerability_service(status, body) as url:
        ended = audit(url, tmp_path)

    assert (ended.returncode == 0) is passes, ended.stderr
    assert "NOT AUDITED" not in ended.stderr


def test_where_nobody_answers_it_says_so_and_goes_on(tmp_path: Path) -> None:
    with vulnerability_service(200, CLEAN) as url:
        pass  # closed again: nobody listens there

    ended = audit(url, tmp_path)

    assert ended.returncode == 0
    assert ended.stderr.startswith("NOT AUDITED: ")


def test_every_exception_for_bandit_has_its_reason() -> None:
    lines = [
        line
        for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "scripts").glob("*.py"), ROOT / "gunicorn_config.py"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if "nosec" in line
    ]

    assert lines
    assert [line for line in lines if not re.search(r"# nosec B\d{3}(,B\d{3})*  # \S.{5}", line)] == []
