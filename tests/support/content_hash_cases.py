"""The image files of `tests/vectors/content_hash.json`, and why each is there. Run as a module it writes that file."""

import base64
import json
from pathlib import Path

from app.utils.content_hash.content_hash import content_hash
from tests.support.content_hash_case import Case
from tests.support.content_hash_jpegs import jpeg_cases
from tests.support.content_hash_other_files import other_cases

VECTORS = Path(__file__).parents[1] / "vectors" / "content_hash.json"


def cases() -> list[Case]:
    return [*jpeg_cases(), *other_cases()]


def written(found: list[Case]) -> str:
    """Return the text of the file: names as this implementation computes them."""
    vectors = [
        {
            "name": case.name,
            "why": case.why,
            "hash": content_hash(case.data),
            "file": base64.b64encode(case.data).decode(),
        }
        for case in found
    ]
    return json.dumps({"version": "c1", "vectors": vectors}, indent=1) + "\n"


if __name__ == "__main__":
    VECTORS.write_text(written(cases()), encoding="utf-8")
