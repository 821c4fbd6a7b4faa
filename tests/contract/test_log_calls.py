"""How the code logs: constant messages, values beside them. A text of a user's is never a format string."""

import ast
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
VERBS = {"trace", "debug", "info", "success", "warning", "error", "critical", "exception", "log"}


def logger_calls(path: Path) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in VERBS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "logger"
    ]


@pytest.mark.parametrize("path", sorted(APP.rglob("*.py")), ids=lambda path: str(path.relative_to(APP)))
def test_every_message_is_a_constant_and_values_are_named(path: Path) -> None:
    for call in logger_calls(path):
        (message,) = call.args
        assert isinstance(message, ast.Constant), f"line {call.lineno}"
        assert isinstance(message.value, str), f"line {call.lineno}"
        assert "{" not in message.value, f"line {call.lineno}"


def test_the_walk_finds_the_calls_it_is_about() -> None:
    assert sum(len(logger_calls(path)) for path in APP.rglob("*.py")) > 20


def test_nothing_is_printed_and_only_logs_py_knows_the_standard_librarys_logging() -> None:
    for path in APP.rglob("*.py"):
        if path.name not in ("logs.py", "__main__.py"):
            text = path.read_text(encoding="utf-8")
            assert "import logging" not in text, path
            assert "print(" not in text, path
