"""The TypeScript client, built outside the repository by the exact tools that its lock file names."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.service_process import ROOT

SOURCE = ROOT / "clients/typescript"
_NOT_SOURCE = ("node_modules", "dist", "build")


def built_client() -> Path:
    """Return a folder with the client, its tools and `dist`, made once for each state of its files.

    Raises RuntimeError where it cannot be had: without Node, npm, or the packages.
    """
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not on the PATH")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "image-classifier-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "typescript.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = cache / "typescript" / _version(_sources())
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
            (folder / "node_modules").symlink_to(_installed(cache) / "node_modules")
            run_in(folder, "npm", "run", "build")
            (folder / "complete").touch()
    return folder


def run_in(folder: Path, *command: str, timeout: float = 300) -> str:
    """Run a command there; return what it printed. Fails the test with all it said if it ends badly."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _sources() -> list[Path]:
    return sorted(
        path for path in SOURCE.rglob("*") if path.is_file() and path.relative_to(SOURCE).parts[0] not in _NOT_SOURCE
    )


def _installed(cache: Path) -> Path:
    """Return a folder with the packages of the lock file."""
    lists = [SOURCE / name for name in (".npmrc", "package.json", "package-lock.json")]
    folder = cache / f"typescript-packages-{_version(lists)}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for path in lists:
            shutil.copy(path, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        (folder / "complete").touch()
    return folder


def _version(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(SOURCE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
