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
