"""Imports go downwards only, and files stay short."""

import ast
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"

# From the top: a module may import from its own level (the interface: only as listed) and from those below it.
LAYERS = [
    ["main", "__main__", "server"],
    ["middleware"],
    ["api"],
    ["container", "storage_check"],
    ["services.providers"],
    ["services"],
    ["drivers", "repositories"],
    ["database"],
    ["models", "utils", "errors", "config", "logs", "metrics", "metrics_folder", "exposition", "version"],
]
MAX_LINES = 300


def level_of(module: str) -> int:
    """Return the level of `app.<module>`, by its longest listed prefix."""
    candidates = [
        (len(prefix), level)
        for level, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if module == prefix or module.startswith(f"{prefix}.")
    ]
    assert candidates, f"app.{module} is in no layer: add it to LAYERS"
    return max(candidates)[1]


def modules() -> list[Path]:
    return sorted(path for path in APP.rglob("*.py") if path.name != "__init__.py")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(APP).with_suffix("").parts)


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("app"):
            inner = node.module.removeprefix("app").lstrip(".")
            found.update(f"{inner}.{alias.name}".lstrip(".") if inner in ("", "api") else inner for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name.removeprefix("app.") for alias in node.names if alias.name.startswith("app."))
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_from_its_own_layer_and_below(path: Path) -> None:
    mine = level_of(name_of(path))

    upwards = {name for name in imports_of(path) if level_of(name) < mine}

    assert not upwards, f"{name_of(path)} imports upwards: {upwards}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_packages_hold_no_code_of_their_own() -> None:
    assert [path for path in APP.rglob("__init__.py") if path.read_text(encoding="utf-8").strip()] == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_only_config_reads_the_environment() -> None:
    readers = [name_of(path) for path in modules() if "os.environ" in path.read_text() or "getenv" in path.read_text()]

    assert readers == []


def test_only_repositories_and_drivers_hold_sql() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE image", "DELETE FROM")
    holders = {
        name_of(path).split(".")[0]
        for path in modules()
        if any(
            isinstance(node, ast.Constant) and isinstance(node.value, str) and any(word in node.value for word in words)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }

    assert holders <= {"repositories", "drivers"}
