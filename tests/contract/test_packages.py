"""What is packaged carries one version, and is of the Python that is promised."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from app.version import VERSION

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def found(pattern: str, path: str) -> str:
    match = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert match, path
    return match[1]


def parsed(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def test_the_service_and_its_clients_carry_one_version() -> None:
    lock = parsed("clients/typescript/package-lock.json")
    versions = {
        "python": found(r'^VERSION = "(.+)"$', "clients/python/src/photo_classifier/version.py"),
        "typescript": parsed("clients/typescript/package.json")["version"],
        "typescript's lock": lock["version"],
        "typescript's lock, itself": lock["packages"][""]["version"],
        "dart": found(r"^version: (.+)$", "clients/dart/pubspec.yaml"),
        "dart, as it tells the service": found(r"^const version = '(.+)';$", "clients/dart/lib/src/version.dart"),
        "the page that typescript's types are made of": parsed("clients/typescript/openapi.json")["info"]["version"],
    }

    assert {name: version for name, version in versions.items() if version != VERSION} == {}


def test_nothing_but_the_one_file_says_the_wheels_version_and_dependencies() -> None:
    """The wheel itself is built and looked at by `make test-slow`."""
    assert set(PROJECT["project"]["dynamic"]) == {"version", "dependencies"}
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "app/version.py"
    assert PROJECT["tool"]["hatch"]["metadata"]["hooks"]["requirements_txt"]["files"] == ["requirements.in"]


def test_all_that_names_the_oldest_python_names_the_same() -> None:
    promised = PROJECT["project"]["requires-python"].removeprefix(">=")

    assert PROJECT["tool"]["mypy"]["python_version"] == promised
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{promised.replace('.', '')}"
    assert f"--python-version {promised} " in (ROOT / "Makefile").read_text(encoding="utf-8")
