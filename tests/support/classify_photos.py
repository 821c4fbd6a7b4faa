"""Runs `classify-photos` as its users do: as a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.service_process import ROOT

COMMAND = (sys.executable, "-m", "photo_classifier.cli")
JOURNAL = ".classify-photos.jsonl"


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    code: int
    out: bytes
    err: str

    def report(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value


def begin(url: str, folder: Path, *options: object) -> subprocess.Popen[bytes]:
    """Start a run."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "CLASSIFIER_URL": url,
        "COLUMNS": "200",
    }
    command = [*COMMAND, str(folder), *map(str, options)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[bytes], seconds: float = 600) -> Ended:
    out, err = process.communicate(timeout=seconds)
    return Ended(process.returncode, out, err.decode())


def run(url: str, folder: Path, *options: object) -> Ended:
    return end(begin(url, folder, *options))


def signal_when(process: subprocess.Popen[bytes], condition: Callable[[], bool], signal: int) -> Ended:
    """Send the signal as soon as the condition holds, and return how the process ended."""
    limit = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.002)
    process.send_signal(signal)
    return end(process)


def journal_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last line of each path. Raises ValueError for a torn line."""
    first, *lines = (folder / JOURNAL).read_bytes().decode("ascii").splitlines()
    assert json.loads(first) == {"classify-photos": 1}
    return {line["path"]: line for line in map(json.loads, lines)}
