"""nginx as it is deployed, on this machine: the project's nginx.conf with other places, ports and upstream."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.apt_unpack import unpack_program
from tests.support.service_process import ROOT

OLDEST_NGINX = (1, 25, 1)
_START_SECONDS = 30


@dataclass(frozen=True)
class Proxy:
    """An nginx that listens. `folder` holds all that it may write to."""

    url: str
    folder: Path
    certificate: Path
    version: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


def find_program(package: str, program: str) -> list[str]:
    """Return the command of a program that is installed, or of one unpacked from its package. Raises RuntimeError."""
    installed = shutil.which(Path(program).name)
    return [installed] if installed else unpack_program(package, program)


def program_or_skip(package: str, program: str) -> list[str]:
    """The same; where it cannot be had, skip the test and say why."""
    try:
        return find_program(package, program)
    except RuntimeError as reason:
        pytest.skip(f"{package} cannot be had: {reason}")


def find_nginx() -> list[str]:
    """Return the command of an nginx that is new enough. Raises RuntimeError."""
    command = find_program("nginx", "usr/sbin/nginx")
    if _version(command) < OLDEST_NGINX:
        command = unpack_program("nginx", "usr/sbin/nginx")
    if _version(command) < OLDEST_NGINX:
        raise RuntimeError("no nginx that is new enough")
    return command


@contextmanager
def running_proxy(folder: Path, upstream_url: str, tracer: Sequence[str] = ()) -> Iterator[Proxy]:
    """Run nginx in front of a service, until the end of the block."""
    nginx = find_nginx()
    http_port, https_port = _free_port(), _free_port()
    for part in ("ssl", "temporary"):
        (folder / part).mkdir(parents=True)
    subprocess.run(["make", "--silent", "certs", f"SSL_DIR={folder}/ssl"], cwd=ROOT, check=True, capture_output=True)
    config = folder / "nginx.conf"
    config.write_text(_adapted(folder, http_port, https_port, upstream_url), encoding="utf-8")
    command = [*tracer, *nginx, "-e", str(folder / "error.log"), "-c", str(config), "-g", "daemon off;"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait_until_it_listens(process, https_port, folder)
        version = ".".join(map(str, _version(nginx)))
        yield Proxy(f"https://127.0.0.1:{https_port}", folder, folder / "ssl/cert.pem", version)
    finally:
        process.terminate()
        process.wait(30)


def _adapted(folder: Path, http_port: int, https_port: int, upstream_url: str) -> str:
    temporary = "".join(
        f"  {kind}_temp_path {folder}/temporary/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    replaced = {
        "pid /run/nginx.pid;": f"pid {folder}/nginx.pid;" + (" user root;" if os.geteuid() == 0 else ""),
        "error_log stderr warn;": f"error_log {folder}/error.log warn;",
        "access_log /dev/stdout json;": f"access_log {folder}/access.log json;\n{temporary}",
        "/etc/nginx/ssl/": f"{folder}/ssl/",
        "listen 80 ": f"listen 127.0.0.1:{http_port} ",
        "listen 443 ssl ": f"listen 127.0.0.1:{https_port} ssl ",
        "server api:8000 ": f"server {upstream_url.removeprefix('http://')} ",
    }
    config = (ROOT / "nginx.conf").read_text(encoding="utf-8")
    for old, new in replaced.items():
        assert old in config, old
        config = config.replace(old, new)
    return config


def _version(nginx: Sequence[str]) -> tuple[int, ...]:
    printed = subprocess.run([*nginx, "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/([\d.]+)", printed)
    assert found, printed
    return tuple(int(part) for part in found[1].split("."))


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            said = (folder / "output").read_text() + _text(folder / "error.log")
            assert process.poll() is None, said
            assert time.monotonic() < end, said
        time.sleep(0.05)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
