"""The code blocks of the TypeScript client's README."""

import re
from pathlib import Path

_BLOCK = re.compile(r"^```ts ([a-z-]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def readme_blocks(readme: Path) -> list[tuple[str, str]]:
    """Return (platform, code) of each block that names its platform."""
    return _BLOCK.findall(readme.read_text(encoding="utf-8"))
