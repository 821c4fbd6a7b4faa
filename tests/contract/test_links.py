"""Every link of the documents leads to a file that is there, and to a heading in it."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"^```.*?^```$|^    .*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed]


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not heading or heading in anchors(target))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_of_the_documents_leads_somewhere() -> None:
    links = [
        (page, link)
        for page in documents()
        for link in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
        if not re.match(r"[a-z]+:", link)
    ]

    assert len(links) > 100
    assert [(str(page.relative_to(ROOT)), link) for page, link in links if not leads_somewhere(page, link)] == []


def test_a_link_to_a_heading_that_is_not_there_is_noticed() -> None:
    assert leads_somewhere(ROOT / "README.md", "docs/apps.md#what-to-try-again")
    assert not leads_somewhere(ROOT / "README.md", "docs/apps.md#what-nobody-wrote")
    assert not leads_somewhere(ROOT / "README.md", "docs/nobody.md")
