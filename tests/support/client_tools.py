"""Linters, generators and a browser driver of others, by the exact versions that `tests/slow/clients` names, in a cache
folder outside the repository."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.service_process import ROOT

CLIENTS = ROOT / "tests/slow/clients"
_NEEDED = ("node", "npm", "java")


@dataclass(frozen=True)
class ClientTools:
    """A folder with the npm packages, and a virtual environment with those of Python."""

    folder: Path

    def node(self, program: str) -> str:
        """Return the path of a program from npm."""
        return str(self.folder / "node_modules/.bin" / program)

    def python(self, program: str = "python") -> str:
        """Return the path of a program from PyPI."""
        return str(self.folder / "venv/bin" / program)

    def run(self, workplace: Path, *command: str) -> str:
        """Run a command; return what it printed. Fails the test with all it said if it ends badly."""
        environment = {
            "PATH": f"{self.folder}/venv/bin:{os.environ['PATH']}",
            "HOME": str(workplace),
            "NODE_PATH": str(self.folder / "node_modules"),
            "REDOCLY_TELEMETRY": "off",
            "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        }
        done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def install_client_tools() -> ClientTools:
    """Return the tools, installed once for each list of versions. Raises RuntimeError where they cannot be had."""
    missing = [program for program in _NEEDED if shutil.which(program) is None]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not on the PATH")
    lists = [CLIENTS / "package.json", CLIENTS / "requirements.txt"]
    version = hashlib.sha256(b"".join(path.read_bytes() for path in lists)).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "image-classifier-tests"
    folder = cache / f"clients-{version}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in lists:
            shutil.copy(path, folder)
        _install(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
        _install([sys.executable, "-m", "venv", "venv"], folder)
        _install(["venv/bin/pip", "--quiet", "install", "--requirement", "requirements.txt"], folder)
        (folder / "complete").touch()
    return ClientTools(folder)


def _install(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
