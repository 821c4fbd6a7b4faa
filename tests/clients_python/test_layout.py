"""The client's modules keep to their places: the core has no input and output, and the service is not needed."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.service_process import ROOT

SOURCE = ROOT / "clients/python/src/photo_classifier"
MAX_LINES = 270


def modules(folder: Path = SOURCE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def who_imports(*packages: str, folder: Path = SOURCE) -> set[str]:
    """Return the modules that import one of these packages."""
    return {
        str(path.relative_to(SOURCE))
        for path in modules(folder)
        if any(name.split(".")[0] in packages for name in imported(path))
    }


def test_the_core_speaks_to_no_network_and_waits_for_nothing() -> None:
    assert who_imports("httpx", "anyio", "asyncio", "socket", "threading", folder=SOURCE / "core") == set()
    assert "client.py" in who_imports("httpx")


def test_the_service_is_not_needed() -> None:
    assert who_imports("app", "tests") == set()


def test_only_the_command_needs_what_its_extra_installs() -> None:
    assert {name.split("/")[0] for name in who_imports("typer", "rich")} == {"cli"}
    assert who_imports("PIL") == {"shrink.py"}


def test_every_file_is_short_and_says_what_it_is_for() -> None:
    assert len(modules()) > 20
    assert [path for path in modules() if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES] == []
    silent = [path for path in modules() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert [path for path in silent if path.read_text(encoding="utf-8")] == []
