"""Writes the part of the OpenAPI page that the TypeScript client uses: `clients/typescript/openapi.json`.

`npm run types`, in the client's folder, makes its types from that. Both files are committed, and tests compare them.
"""

import json
import re
from pathlib import Path
from typing import Any

from app.config import Settings
from app.main import create_app

PAGE = Path(__file__).parents[1] / "clients/typescript/openapi.json"
PATHS = ("/api/v1/classify/check-cache", "/api/v1/classify")

_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


def render() -> str:
    """Return the page as JSON: the calls of the client, and of all schemas those that they lead to."""
    whole = create_app(Settings(_env_file=None)).openapi()
    paths = {path: _without_examples(whole["paths"][path]) for path in PATHS}
    schemas: dict[str, Any] = {}
    wanted = _referred(paths)
    while wanted:
        name = wanted.pop()
        schemas[name] = whole["components"]["schemas"][name]
        wanted |= _referred(schemas[name]) - set(schemas)
    page = {
        "openapi": whole["openapi"],
        "info": {"title": whole["info"]["title"], "version": whole["info"]["version"]},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }
    return json.dumps(page, ensure_ascii=False, indent=1) + "\n"


def _referred(part: object) -> set[str]:
    return set(_REFERENCE.findall(json.dumps(part)))


def _without_examples(part: Any) -> Any:
    """Return a part of the page without what is no type."""
    if isinstance(part, list):
        return [_without_examples(each) for each in part]
    if isinstance(part, dict):
        return {name: _without_examples(each) for name, each in part.items() if name not in ("examples", "security")}
    return part


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
