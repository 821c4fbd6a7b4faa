"""The built pages that are committed are what their sources say, and small."""

import gzip
import json
from pathlib import Path

import pytest

from tests.support.npm_packages import run_in
from tests.support.web_pages import BUILT, SOURCE, pages_source

MOST_BYTES = 60_000


@pytest.fixture(scope="module")
def source() -> Path:
    try:
        return pages_source()
    except RuntimeError as reason:
        pytest.skip(f"the pages cannot be built: {reason}")


@pytest.mark.timeout(300)
def test_the_committed_pages_are_what_their_sources_make(source: Path, tmp_path: Path) -> None:
    """`make web` writes them."""
    run_in(source, "node", "build.mjs", str(tmp_path))

    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made
    assert {path.name: path.read_bytes() for path in BUILT.iterdir()} == made


@pytest.mark.timeout(300)
def test_their_sources_compile_strictly(source: Path) -> None:
    run_in(source, "npm", "run", "check")


def test_their_lock_file_names_no_registry() -> None:
    packages = json.loads((SOURCE / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)


@pytest.mark.parametrize("page", ["try", "dashboard"])
def test_a_page_is_small(page: str) -> None:
    """All of it, as it goes over a network: its document, style sheet, script, and the worker."""
    files = [BUILT / f"{page}.{kind}" for kind in ("html", "css", "js")] + [BUILT / "hash-worker.js"]

    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < MOST_BYTES
