"""Programs from Debian's or Ubuntu's packages, unpacked into a cache folder. Installs nothing, needs no root."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Debian itself has MariaDB in its stable releases, and an older nginx; MySQL is in `sid`. Ubuntu has MySQL in each.
_DEBIAN_SUITE = "sid"
_MYSQL = ("mysql-server-core", "mysql-server-core-8.4", "mysql-server-core-8.0")


def unpack_mysql() -> Path:
    """Return the folder with the unpacked server, which is made once. Raises RuntimeError where it cannot be."""
    return _unpack("mysql", "usr/sbin/mysqld", _MYSQL)


def unpack_program(package: str, program: str) -> list[str]:
    """Return the command that runs a program of a package, as `usr/sbin/nginx`. Raises RuntimeError."""
    root = _unpack(package, program, (package,))
    return [*loader_command(root), str(root / program)]


def unpack_file(package: str, file: str) -> Path:
    """Return where a file of a package is, as `usr/share/java/okhttp.jar`. Raises RuntimeError."""
    return _unpack(package, file, (package,)) / file


def loader_command(root: Path) -> list[str]:
    """Return what runs an unpacked program: its C library may be newer than this system's, and comes with it."""
    loader = next(iter(sorted(root.glob("usr/lib*/ld-linux-*.so.*")) or sorted(root.glob("lib*/ld-linux-*.so.*"))))
    libraries = ":".join(str(folder) for folder in sorted((root / "usr").glob("lib/*-linux-gnu")))
    return [str(loader), "--library-path", libraries]


def _unpack(name: str, program: str, packages: Sequence[str]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "image-classifier-tests"
    folder = cache / name
    if (folder / program).exists():
        return folder
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise RuntimeError("not on this system")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may need it at once
        if not (folder / program).exists():
            print(f"unpacking the packages of {name} (once) ...", flush=True)  # noqa: T201
            with tempfile.TemporaryDirectory(dir=cache) as work:
                _fetch_and_unpack(Path(work), folder, packages)
    return folder


def _fetch_and_unpack(work: Path, folder: Path, packages: Sequence[str]) -> None:
    system = _os_release()
    distribution = "ubuntu" if system.get("ID") == "ubuntu" else "debian"
    suite = system.get("VERSION_CODENAME", "") if distribution == "ubuntu" else _DEBIAN_SUITE
    keyring = f"/usr/share/keyrings/{distribution}-archive-keyring.gpg"
    components = "main universe" if distribution == "ubuntu" else "main"
    for part in ("lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True)
    (work / "status").touch()
    (work / "sources.list").write_text(f"deb [signed-by={keyring}] {_mirror()} {suite} {components}\n")
    _apt(work, "update")
    for package in packages:
        if _apt(work, "install", "--yes", "--download-only", package, check=False):
            break
    else:
        raise RuntimeError(f"{distribution} {suite} has none of {', '.join(packages)}")
    root = work / "root"
    for archive in sorted((work / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(archive), str(root)], check=True)
    if folder.exists():
        shutil.rmtree(folder)
    root.rename(folder)


def _apt(work: Path, *arguments: str, check: bool = True) -> bool:
    """Run apt-get on lists, status and archives of its own, apart from the system's."""
    options = {
        "Dir::Etc::sourcelist": f"{work}/sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::Lists": f"{work}/lists",
        "Dir::Cache": f"{work}/cache",
        "Dir::State::status": f"{work}/status",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
    }
    command = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"apt-get {arguments[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return done.returncode == 0


def _mirror() -> str:
    """Return the mirror that this system's own apt uses."""
    places = [*sorted(Path("/etc/apt/sources.list.d").glob("*.sources")), Path("/etc/apt/sources.list")]
    for place in places:
        text = place.read_text() if place.exists() else ""
        found = re.search(r"^(?:URIs:\s*|deb\s+(?:\[.*?\]\s+)?)(http\S+)", text, re.MULTILINE)
        if found:
            return found.group(1)
    raise RuntimeError("apt has no sources here")


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
