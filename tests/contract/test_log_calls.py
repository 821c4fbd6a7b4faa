"""How the code logs: constant messages, values beside them. A text of a user's is never a format string."""

import ast
import re
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
VERBS = {"trace", "debug", "info", "success", "warning", "error", "critical", "exception", "log"}
MAY_PRINT = ("observe/logs.py", "__main__.py", "cli/")
"""Logging itself, and what talks to a person at a terminal."""


def logger_calls(source: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in VERBS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "logger"
    ]


def is_constant(call: ast.Call) -> bool:
    """Return whether a call has one plain text, without placeholders, and all else by name."""
    message = call.args[0] if len(call.args) == 1 else None
    return isinstance(message, ast.Constant) and isinstance(message.value, str) and "{" not in message.value


def wrong_calls(source: str) -> list[int]:
    """Return the lines of the calls that are not as they should be."""
    return [call.lineno for call in logger_calls(source) if not is_constant(call)]


def sources() -> dict[str, str]:
    return {str(path.relative_to(APP)): path.read_text(encoding="utf-8") for path in sorted(APP.rglob("*.py"))}


def test_every_message_is_a_constant_and_values_are_named() -> None:
    assert [f"{name}:{line}" for name, source in sources().items() for line in wrong_calls(source)] == []


def test_the_rule_above_finds_who_breaks_it() -> None:
    wrong = [
        'logger.info(f"user {user}")',
        'logger.error("user {}", user)',
        'logger.warning("user {user}", user=user)',
        "logger.exception(message)",
        "logger.debug()",
    ]

    assert wrong_calls("\n".join([*wrong, 'logger.info("a user", user=user)'])) == [1, 2, 3, 4, 5]
    assert logger_calls(sources()["services/health_service.py"]) != []


def test_nothing_is_printed_and_only_logs_py_knows_the_standard_librarys_logging() -> None:
    others = {
        name: source
        for name, source in sources().items()
        if not name.endswith(MAY_PRINT) and not name.startswith("cli/")
    }

    assert [name for name, source in others.items() if re.search(r"import logging|\bprint\(", source)] == []
