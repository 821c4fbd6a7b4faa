"""Imports go downwards only, a room imports no other room, and files stay short. Each rule is one test that lists all
who break it."""

import ast
from collections.abc import Iterator
from pathlib import Path

APP = Path(__file__).parents[2] / "app"

# From the top: a module may import from its own level and from those below it.
LAYERS = [
    ["main", "__main__", "server", "http_protocol", "http_cycle", "ending", "cli"],
    ["api"],
    ["web"],
    ["api.http"],
    ["container", "retention_rules", "storage", "storage_check", "start_report"],
    ["config"],
    ["services"],
    [
        "services.budget",
        "services.cache",
        "services.one_call",
        "services.records",
        "services.model",
        "services.images",
        "services.network",
        "services.identity",
        "services.access",
        "services.upkeep",
        "services.live",
    ],
    ["services.model_client"],
    ["drivers", "repositories"],
    ["database"],
    ["observe"],
    ["errors", "models", "utils", "setting_types", "version"],
]
ROOMS = LAYERS[7]
MAX_LINES = 300
ROOM_TO_GROW = 0.9
"""No file is nearer to the limit than this: the next change must not begin by splitting it."""


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


def room_of(module: str) -> str | None:
    return next((room for room in ROOMS if module == room or module.startswith(f"{room}.")), None)


def modules() -> list[Path]:
    return sorted(path for path in APP.rglob("*.py") if path.name != "__init__.py")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(APP).with_suffix("").parts)


def is_module(name: str) -> bool:
    return (APP / f"{name.replace('.', '/')}.py").is_file()


def imports_of(path: Path) -> set[str]:
    """Return the modules of ours that a module imports, by their names below `app`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "app":
            inner = node.module.removeprefix("app").lstrip(".")
            found.update(inner if is_module(inner) else f"{inner}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name.removeprefix("app.") for alias in node.names if alias.name.startswith("app."))
    return found


def arrows() -> Iterator[tuple[str, str]]:
    """Yield every import of ours as (who, whom)."""
    for path in modules():
        for imported in imports_of(path):
            yield name_of(path), imported


def lengths() -> dict[str, int]:
    return {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}


def test_imports_go_downwards_only() -> None:
    assert {(who, whom) for who, whom in arrows() if level_of(whom) < level_of(who)} == set()


def test_a_room_imports_no_other_room() -> None:
    through_walls = {
        (who, whom) for who, whom in arrows() if room_of(who) and room_of(whom) and room_of(who) != room_of(whom)
    }

    assert through_walls == set()


def test_every_module_is_looked_at() -> None:
    assert {"main", "services.classifier", "services.model.errors"} <= {name_of(path) for path in modules()}
    assert ("services.classifier", "services.one_call.paid_once") in set(arrows())


def test_every_file_is_short_and_has_room_to_grow() -> None:
    assert {name: lines for name, lines in lengths().items() if lines > MAX_LINES * ROOM_TO_GROW} == {}


def test_packages_hold_no_code_of_their_own() -> None:
    assert [path for path in APP.rglob("__init__.py") if path.read_text(encoding="utf-8").strip()] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name_of(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]

    assert silent == []


def test_only_config_reads_the_environment() -> None:
    readers = [name_of(path) for path in modules() if "os.environ" in path.read_text() or "getenv" in path.read_text()]

    assert readers == ["config"]


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
