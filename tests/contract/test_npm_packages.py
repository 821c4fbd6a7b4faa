"""Tests of TypeScript are skipped where npm or its registry is not there, and fail where the lock file is wrong."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.npm_packages import installed_packages

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm")
PACKAGE = "a-package-of-the-tests"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A package as npm downloads it."""
    manifest = tmp_path / "package.json"
    manifest.write_text(json.dumps({"name": PACKAGE, "version": "1.0.0"}))
    with tarfile.open(tmp_path / "packed.tgz", "w:gz") as archive:
        archive.add(manifest, "package/package.json")
    return tmp_path / "packed.tgz"


def install(folder: Path, wanted: str, locked: dict[str, Any] | None) -> Path:
    """Install what `package.json` wants by a lock file that has `locked` of it, as the client and the pages do."""
    source, cache = folder / "source", folder / "cache"
    source.mkdir()
    cache.mkdir()
    (source / ".npmrc").write_text("fetch-retries=0\n")
    root = {"name": "tests", "version": "1.0.0", "dependencies": {PACKAGE: wanted}}
    (source / "package.json").write_text(json.dumps(root))
    packages = {"": root} if locked is None else {"": root, f"node_modules/{PACKAGE}": locked}
    lock = {"name": "tests", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}
    (source / "package-lock.json").write_text(json.dumps(lock))
    return installed_packages(cache, "tests", source)


def test_what_the_lock_file_names_is_installed(packed: Path, tmp_path: Path) -> None:
    where = f"file:{packed}"

    installed = install(tmp_path, where, {"version": "1.0.0", "resolved": where})

    assert (installed / PACKAGE / "package.json").exists()


def test_a_lock_file_that_does_not_match_fails_with_what_npm_says(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="EUSAGE"):
        install(tmp_path, f"file:{packed}", None)


def test_a_package_that_is_not_what_the_lock_file_says_fails_with_what_npm_says(packed: Path, tmp_path: Path) -> None:
    where, wrong = f"file:{packed}", f"sha512-{'A' * 86}=="

    with pytest.raises(AssertionError, match="EINTEGRITY"):
        install(tmp_path, where, {"version": "1.0.0", "resolved": where, "integrity": wrong})


def test_a_registry_that_cannot_be_reached_is_a_reason_to_skip(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:1/{PACKAGE}-1.0.0.tgz"

    with pytest.raises(RuntimeError, match="ECONNREFUSED"):
        install(tmp_path, "1.0.0", {"version": "1.0.0", "resolved": nowhere})
