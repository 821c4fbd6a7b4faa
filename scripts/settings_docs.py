"""Writes what the settings are into .env.example and docs/settings.md, from the one place that knows: app/config.py.

.venv/bin/python -m scripts.settings_docs
"""

import re
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.config import Settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "settings.md"
_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)

_ENV_HEAD = """\
# Settings, with their defaults. Copy to .env and change what you need; an empty value means the default.
# Written by `make docs` from app/config.py.
"""
_ENV_TAIL = """
# For docker-compose.yml alone: the password of MySQL's root, who makes the database at the first start
MYSQL_ROOT_PASSWORD=
"""


def render_env_example() -> str:
    """Return the text of .env.example."""
    entries = [f"\n# {field.description}\n{name.upper()}={_default(field)}\n" for name, field in _fields()]
    return _ENV_HEAD + "".join(entries) + _ENV_TAIL


def render_page(page: str) -> str:
    """Return docs/settings.md with its table as it should be."""
    rows = [f"| `{name.upper()}` | {_cell(field)} | {field.description} |\n" for name, field in _fields()]
    return _TABLE.sub(lambda _: "| variable | default | meaning |\n| --- | --- | --- |\n" + "".join(rows), page)


def _fields() -> list[tuple[str, FieldInfo]]:
    return list(Settings.model_fields.items())


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float | Decimal | Path) else repr(value)


def _cell(field: FieldInfo) -> str:
    return f"`{_default(field)}`" if _default(field) else ""


def main() -> None:
    (ROOT / ".env.example").write_text(render_env_example(), encoding="utf-8")
    PAGE.write_text(render_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
