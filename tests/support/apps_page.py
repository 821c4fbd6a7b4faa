"""docs/apps.md: its code blocks and tables, as they stand there."""

import re

from tests.support.service_process import ROOT

PAGE = (ROOT / "docs/apps.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```([a-z][a-z ]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

SIGNING_KEY = "app-1:7f3a9c51e2d84b60a1c5d9e8f7b6a5c4"
"""What a service is given as SIGNING_KEYS, and the examples as CLASSIFIER_SIGNING_KEY."""


def code_blocks() -> dict[str, str]:
    """Return the code of each block by what stands behind its opening fence: `dart`, `ts classify`."""
    return dict(_BLOCK.findall(PAGE))


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the rows of the table under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def told_errors() -> dict[str, list[str]]:
    """Return what the table says of each code: status, whether to try again, what it means."""
    return {cells[0].strip("`"): cells[1:] for cells in rows("What to try again") if cells[0].startswith("`")}


def repeated_errors() -> list[tuple[str, int, bool]]:
    """Return (code, status, whether to try again) of all that a client of photos may meet."""
    told = [(code, *cells) for code, cells in told_errors().items() if not cells[-1].endswith("for operators")]
    return [(code, int(status), again == "yes") for code, status, again, _ in told]
