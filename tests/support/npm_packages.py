"""What npm installs, outside the repository, once for each lock file."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LISTS = (".npmrc", "package.json", "package-lock.json")
_CODE = re.compile(r"^npm (?:error|ERR!) code (\w+)$", re.MULTILINE)
_UNREACHABLE = {"EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "ETIMEDOUT"}


@contextmanager
def cache_of_one() -> Iterator[Path]:
    """Hold the folder for what is built of Node's packages; nobody else is in it meanwhile.

    Raises RuntimeError without Node and npm.
    """
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not on the PATH")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "image-classifier-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "typescript.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache


def installed_packages(cache: Path, name: str, source: Path) -> Path:
    """Return `node_modules` with the packages of the lock file in `source`.

    Raises RuntimeError where the registry cannot be reached. Fails the test with all that npm said about anything else:
    a lock file that does not match, a package that is not what it says.
    """
    lists = [source / part for part in _LISTS]
    folder = cache / f"{name}-packages-{version_of(lists, source)}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for path in lists:
            shutil.copy(path, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        code = _CODE.search(done.stderr)
        if code and code[1] in _UNREACHABLE:
            raise RuntimeError(f"npm: {code[1]}")
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        (folder / "complete").touch()
    return folder / "node_modules"


def version_of(paths: Iterable[Path], root: Path) -> str:
    """Return a short name for these files as they are."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def sources_in(folder: Path, others: tuple[str, ...]) -> list[Path]:
    """Return the files of a folder, but for those below the folders named."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in others
    )


def run_in(folder: Path, *command: str, timeout: float = 300) -> str:
    """Run a command there; return what it printed. Fails the test with all it said if it ends badly."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
