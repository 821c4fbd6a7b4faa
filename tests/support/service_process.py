"""The service as its users run it: a process of its own, on a real socket."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
EMBEDDED = (sys.executable, "-m", "app")
GUNICORN = (sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn_config.py"), "app.main:app")
_START_SECONDS = 120  # on a machine that does much else; else a second or two


@dataclass(frozen=True)
class Service:
    """A service that listens."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8")


@contextmanager
def running_service(folder: Path, command: Sequence[str] = EMBEDDED, **settings: object) -> Iterator[Service]:
    """Run the service with these settings and no others, until the end of the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = folder / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder, app_port=port, **settings), stdout=output, stderr=output
        )
    service = Service(process, f"http://127.0.0.1:{port}", log)
    try:
        _wait_until_it_answers(service)
        yield service
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(service: Service, condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return as soon as the condition holds; fail with what the service printed if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, service.printed()
        time.sleep(0.01)


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Return an environment with these settings; SQLite in `folder`, and one worker, unless they say otherwise."""
    values = {"sqlite_path": folder / "classifier.db", "llm_provider": "local", "web_concurrency": 1, **settings}
    # Not run in the repository, where a developer's .env is, but on its code.
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        **{name.upper(): str(value) for name, value in values.items()},
    }


def _wait_until_it_answers(service: Service) -> None:
    end = time.monotonic() + _START_SECONDS
    with httpx.Client(timeout=2) as client:
        while True:
            try:
                client.get(f"{service.url}/api/v1/health/live")
                return
            except httpx.TransportError:
                assert service.process.poll() is None, service.printed()
                assert time.monotonic() < end, service.printed()
            time.sleep(0.05)
