"""The whole of it in containers, as an operator starts it, under a project name of its own."""

import json
import os
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
_UP_SECONDS = 900
_PASSED_ON = ("PATH", "HOME")  # a developer's own settings are not the tests'


class Stack:
    """One run of docker-compose.yml with the tests' additions."""

    files: tuple[str, ...] = ("docker-compose.yml", "tests/e2e/compose.yml")
    profiles: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root_password = secrets.token_hex(16)
        self.operator = {"X-API-Key": secrets.token_hex(32)}
        self._project = f"image-classifier-e2e-{secrets.token_hex(4)}"
        self._environment = {
            **{
                name: os.environ[name]
                for name in ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG")
                if name in os.environ
            },
            "HTTP_PORT": f"127.0.0.1:{_free_port()}",
            "HTTPS_PORT": f"127.0.0.1:{_free_port()}",
            "SSL_DIR": str(folder / "ssl"),
            "ENV_FILE": str(folder / "env"),
            "IMAGE": f"localhost/{self._project}",
            "CLUSTER_SUBNET": f"172.30.{secrets.randbelow(250) + 1}",
        }
        self.http_url = f"http://{self._environment['HTTP_PORT']}"
        self.url = f"https://{self._environment['HTTPS_PORT']}"

    def up(self) -> None:
        """Make a certificate and passwords, build, start, and wait until all are healthy."""
        self.make_certificate()
        hidden = sha256(self.operator["X-API-Key"].encode("ascii")).hexdigest()
        values = {
            "MYSQL_ROOT_PASSWORD": self._root_password,
            "MYSQL_PASSWORD": secrets.token_hex(16),
            "ADMIN_API_KEYS": f"sha256:{hidden}",
        }
        text = "".join(f"{name}={value}\n" for name, value in values.items())
        (self._folder / "env").write_text(text, encoding="utf-8")
        self.compose("up", "--detach", "--build", "--wait")

    def make_certificate(self) -> None:
        command = ["make", "--silent", "certs", f"SSL_DIR={self._folder}/ssl"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    def down(self) -> None:
        """Keep the containers' logs, remove all else."""
        (self._folder / "logs").write_text(self.compose("logs", "--no-color", check=False), encoding="utf-8")
        self.compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "10")
        subprocess.run(["docker", "rmi", self._environment["IMAGE"]], capture_output=True)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run docker compose; return what it printed."""
        files = [word for file in self.files for word in ("--file", file)]
        profiles = [word for profile in self.profiles for word in ("--profile", profile)]
        command = ["docker", "compose", *files, *profiles, "--project-name", self._project]
        command += ["--env-file", self._environment["ENV_FILE"], *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=_UP_SECONDS
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
        return done.stdout

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()

    def restart_container(self, container: str) -> None:
        """Restart one replica; return when it is healthy."""
        subprocess.run(["docker", "restart", "--time", "95", container], check=True, capture_output=True)
        wait_until(lambda: _health(container) == "healthy", 60)

    def remove_volume(self, name: str) -> None:
        """Delete a volume that no container has any more."""
        subprocess.run(["docker", "volume", "rm", f"{self._project}_{name}"], check=True, capture_output=True)

    def query(self, sql: str) -> list[list[str]]:
        """Run a statement; return its rows as texts."""
        password = f"MYSQL_PWD={self._root_password}"
        client = ["mysql", "-u", "root", "-h", "127.0.0.1", "-N", "-B", "image_classifier", "-e", sql]
        printed = self.compose("exec", "-T", "--env", password, self.database(), *client)
        return [line.split("\t") for line in printed.splitlines()]

    def database(self) -> str:
        """Return the service whose MySQL is asked."""
        return "mysql"

    def proxy_log(self) -> list[dict[str, Any]]:
        """Return the lines of nginx's access log."""
        lines = self.compose("logs", "--no-color", "--no-log-prefix", "nginx").splitlines()
        return [json.loads(line[line.index("{") :]) for line in lines if '"proxied"' in line]

    def replicas_of(self, request_ids: set[str]) -> set[str]:
        """Return the addresses of the replicas that answered these requests: for each the last that was tried."""
        return {line["upstream"].split(", ")[-1] for line in self.proxy_log() if line["request_id"] in request_ids}

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts this run's certificate and no other."""
        return ssl.create_default_context(cafile=str(self._folder / "ssl/cert.pem"))

    def client(self, **options: Any) -> httpx.AsyncClient:
        options = {"timeout": 60, "limits": httpx.Limits(max_connections=100), "verify": self.tls(), **options}
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1", **options)

    def model(self) -> httpx.AsyncClient:
        """Return a client for orders to the model."""
        return httpx.AsyncClient(base_url=f"http://{self.compose('port', 'model', '9000').strip()}", timeout=10)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def _health(container: str) -> str:
    command = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
