"""The pages that compare the service with its specification leave no section out and name nothing that is not there."""

import re
from pathlib import Path

import pytest

from app.config import Settings
from app.main import create_app
from tests.conftest import make_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/specification.md", ROOT / "docs/specification.zh-CN.md"]
SECTIONS = {
    *("1.1", "1.2", "1.3", "2.1", "2.2", "3.1", "3.2", "3.3.1", "3.3.2", "3.3.3", "3.3.4", "3.4"),
    *("4.1", "4.2", "4.3", "4.4", "4.5.1", "4.5.2", "5.1", "5.2.1", "5.2.2", "5.2.3", "5.2.4", "5.3"),
    *("6.1", "6.2", "6.3", "7.1", "7.2", "7.3", "7.4", "7.4.4", "8.1", "8.2", "9", "10.1", "10.2", "11", "11.3"),
    *("12.1", "12.2", "12.3", "13.1", "13.2", "13.3", "14.1", "14.2", "14.3.1", "14.3.2", "14.3.3", "14.3.4"),
    *("14.4", "14.5", "14.6", "15.3", "A", "B"),
}
_ENDPOINT = re.compile(r"(?:GET|POST|PUT|DELETE) /\S+")
_SETTING = re.compile(r"[A-Z]+(?:_[A-Z]+)+")


def rows(page: Path) -> list[list[str]]:
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if re.match(r"[0-9AB]", row[0])]


def named(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_section_has_a_row_that_says_where_it_is(page: Path) -> None:
    told = {number for row in rows(page) for number in re.findall(r"\b\d+(?:\.\d+)*|^[AB]\b", row[0])}

    assert told == SECTIONS
    assert [row for row in rows(page) if len(row) != 3 or not named(row[1]) or not row[2]] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_place_that_a_row_names_is_there(page: Path) -> None:
    endpoints = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in create_app(make_settings()).openapi()["paths"].items()
        for method in methods
    }
    places = {place for row in rows(page) for place in named(row[1])}
    missing = {
        place for place in places if not (place in endpoints if _ENDPOINT.match(place) else (ROOT / place).exists())
    }

    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_setting_that_a_row_names_is_there(page: Path) -> None:
    settings = {word for row in rows(page) for word in named(row[2]) if _SETTING.fullmatch(word)}

    assert len(settings) > 10
    assert {name for name in settings if name.lower() not in Settings.model_fields} == set()


def test_both_languages_name_the_same() -> None:
    english, chinese = ([[named(cell) for cell in row[1:]] for row in rows(page)] for page in PAGES)

    assert english == chinese
