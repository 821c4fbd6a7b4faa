"""Prometheus and its promtool: from the PATH, else from Debian's or Ubuntu's packages."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.apt_unpack import unpack_program

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
_START_SECONDS = 30


def promtool(*arguments: str) -> str:
    """Run promtool in deploy/monitoring; return what it says. Raises CalledProcessError where it is not content."""
    command = [*_command("promtool"), *arguments]
    done = subprocess.run(command, cwd=MONITORING, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes."""

    url: str

    def query(self, expression: str) -> list[float]:
        """Return the values that an expression has now."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", (expression, answer)
        return [float(sample["value"][1]) for sample in answer["data"]["result"]]


@contextmanager
def running_prometheus(folder: Path, target: str, api_key: str) -> Iterator[Prometheus]:
    """Run Prometheus with the configuration that is deployed, but for where the service is and how often it asks."""
    config: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [target]}]
    (folder / "key").write_text(api_key)
    job["authorization"]["credentials_file"] = str(folder / "key")
    config["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms"}
    config["rule_files"] = [str(MONITORING / "alerts.yml")]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command = [*_command("prometheus"), *options, f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_until_ready(process, f"http://{address}", folder / "prometheus.log")
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait(20)


def _command(program: str) -> list[str]:
    found = shutil.which(program)
    return [found] if found else unpack_program("prometheus", f"usr/bin/{program}")


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
