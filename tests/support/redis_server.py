"""A real Redis for the tests: `redis-server` on the PATH, or Debian's or Ubuntu's package, unpacked by apt."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.apt_unpack import unpack_program

_START_SECONDS = 30


@dataclass
class RedisServer:
    """A server on a port of its own. It may be killed, started again, paused and resumed."""

    port: int
    command: Sequence[str]
    folder: Path
    password: str = ""
    _process: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        return self._process[-1].pid

    def start(self) -> None:
        """Start it and wait until it answers. What it had saved is there again."""
        with (self.folder / "log").open("ab") as log:
            self._process.append(
                subprocess.Popen(self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.ask("PING")
                return
            except OSError:
                assert self._process[-1].poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < end, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it with no chance to save anything."""
        self._process[-1].kill()
        self._process[-1].wait()

    def pause(self) -> None:
        """Let it answer nothing, with its connections open."""
        os.kill(self._process[-1].pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was."""
        os.kill(self._process[-1].pid, signal.SIGCONT)

    def ask(self, *command: str) -> bytes:
        """Send a command by hand and return what is answered, as it is on the wire: up to 64 KB of it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            if self.password:
                connection.sendall(_packed("AUTH", self.password))
                assert connection.recv(100) == b"+OK\r\n"
            connection.sendall(_packed(*command))
            return connection.recv(65536)

    def keys(self) -> list[str]:
        """Return all keys."""
        lines = self.ask("KEYS", "*").decode().split("\r\n")
        return [line for line in lines if line and line[0] not in "*$"]


@contextmanager
def running_redis(*options: str, password: str = "") -> Iterator[RedisServer]:
    """Run a server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="test-redis-") as folder:
        port = free_port()
        command = [
            *_program(),
            *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder),
            *(("--requirepass", password) if password else ()),
            *options,
        ]
        server = RedisServer(port, command, Path(folder), password)
        server.start()
        try:
            yield server
        finally:
            server.resume()
            server.kill()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _program() -> list[str]:
    on_path = shutil.which("redis-server")
    return [on_path] if on_path else unpack_program("redis-server", "usr/bin/redis-server")


def _packed(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
