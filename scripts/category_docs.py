"""Writes the table of the categories into docs/apps.md, from the one place that knows: app/models/domain.py.

.venv/bin/python -m scripts.category_docs
"""

import re
from pathlib import Path

from app.models.domain import CATEGORY_NAMES

PAGE = Path(__file__).parents[1] / "docs" / "apps.md"
_TABLE = re.compile(r"(?<=<!-- categories -->\n).*?(?=<!-- /categories -->)", re.DOTALL)


def render(page: str) -> str:
    """Return the page with its table of categories as it should be."""
    rows = "".join(f"| `{key}` | {name.english} | {name.chinese} |\n" for key, name in CATEGORY_NAMES.items())
    return _TABLE.sub(lambda _: f"| key | English | Chinese |\n| --- | --- | --- |\n{rows}", page)


def main() -> None:
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
