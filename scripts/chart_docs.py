"""Writes what the chart's values are into its page, from deploy/helm/values.yaml and the comments there.

.venv/bin/python -m scripts.chart_docs
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "deploy/helm"
PAGE = CHART / "README.md"
_TABLE = re.compile(r"(?<=<!-- values -->\n).*?(?=<!-- /values -->)", re.DOTALL)
_COMMENT = re.compile(r" *# (.*)")
_KEY = re.compile(r"( *)([^\s:#]+):")
_SHOWN_WHOLE = ("ingress.annotations",)


def render_page(page: str) -> str:
    """Return the chart's page with its table as it should be."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    meanings = _meanings((CHART / "values.yaml").read_text(encoding="utf-8"))
    entries = [(path, default, meanings[path]) for path, default in _entries(values)]
    rows = [f"| `{path}` | {default} | {meaning} |\n" for path, default, meaning in entries if default or meaning]
    return _TABLE.sub(lambda _: "| value | default | meaning |\n| --- | --- | --- |\n" + "".join(rows), page)


def _entries(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield each value's path and default, parents before what is in them."""
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield path, ""
            if path not in _SHOWN_WHOLE:
                yield from _entries(value, f"{path}.")
        else:
            yield path, f"`{json.dumps(value)}`"


def _meanings(text: str) -> dict[str, str]:
    """Return the comment above each value, by the value's path."""
    found: dict[str, str] = {}
    above: list[str] = []
    path: list[str] = []
    for line in text.splitlines():
        if comment := _COMMENT.fullmatch(line):
            above.append(comment[1])
            continue
        if key := _KEY.match(line):
            path = [*path[: len(key[1]) // 2], key[2]]
            found[".".join(path)] = " ".join(above)
        above = []
    return found


def main() -> None:
    PAGE.write_text(render_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
