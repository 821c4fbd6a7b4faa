"""The pages work without the internet: they load nothing from elsewhere, and their policy forbids it."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.web import pages

STATIC = Path(pages.__file__).parent / "static"


@pytest.fixture
def database_settings(sqlite_settings: dict[str, Any]) -> dict[str, Any]:
    """One database will do: the pages are files."""
    return sqlite_settings


async def test_the_documentation_page_loads_files_of_ours_alone(client: httpx.AsyncClient) -> None:
    page = await client.get("http://test/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.status_code == 200
    assert "<title>Image classifier</title>" in page.text
    assert page.headers["x-request-id"].startswith("req_")
    assert set(loaded) == {
        "data:,", "docs/swagger-ui.css", "docs/readable.css", "openapi.json",
        "docs/swagger-ui-bundle.js", "docs/init.js",
    }  # fmt: skip
    for path in loaded[1:]:
        assert (await client.get(f"http://test/{path}")).status_code == 200, path
    assert '"openapi.json"' in (STATIC / "docs/init.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "name"), [("", "try"), ("dashboard", "dashboard")])
async def test_a_page_for_people_loads_files_of_ours_alone(path: str, name: str, client: httpx.AsyncClient) -> None:
    page = await client.get(f"http://test/{path}")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert set(loaded) == {"data:,", f"assets/{name}.css", f"assets/{name}.js", "openapi.json"}
    for file in loaded[1:]:
        assert (await client.get(f"http://test/{file}")).status_code == 200, file


@pytest.mark.parametrize("path", ["", "dashboard", "docs", "assets/try.js", "docs/init.js"])
async def test_a_page_that_has_not_changed_is_asked_for_again_and_not_sent_again(
    path: str, client: httpx.AsyncClient
) -> None:
    first = await client.get(f"http://test/{path}")
    again = await client.get(f"http://test/{path}", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_runs_no_script_but_ours_and_calls_nobody_else(client: httpx.AsyncClient) -> None:
    for path in ("docs", "docs/init.js", "", "dashboard", "assets/try.js", "assets/hash-worker.js"):
        response = await client.get(f"http://test/{path}")
        policy = response.headers["content-security-policy"]

        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "connect-src 'self';" in policy
        assert "worker-src 'self';" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
    for path in ("docs", "", "dashboard"):
        page = await client.get(f"http://test/{path}")
        assert not re.search(r"<script>|<script [^>]*>[^<]|<style| on\w+=| style=", page.text)


@pytest.mark.parametrize("path", ["docs/swagger-ui.css", "assets/try.js"])
async def test_a_file_that_the_browser_has_is_not_sent_again(path: str, client: httpx.AsyncClient) -> None:
    first = await client.get(f"http://test/{path}")

    again = await client.get(f"http://test/{path}", headers={"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "docs/nothing.js",
        "docs/../pages.py",
        "docs/%2e%2e/%2e%2e/pages.py",
        "docs//etc/passwd",
        "assets/",
        "assets/../pages.py",
    ],
)
async def test_there_is_nothing_beside_these_files(path: str, client: httpx.AsyncClient) -> None:
    response = await client.get(f"http://test/{path}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_files_of_others_come_with_their_licence() -> None:
    assert "Apache License" in (STATIC / "docs/swagger-ui.LICENSE.txt").read_text(encoding="utf-8")
    assert (STATIC / "docs/swagger-ui-bundle.js.LICENSE.txt").is_file()
    assert "swagger-ui-dist" in (STATIC / "docs/README.md").read_text(encoding="utf-8")
