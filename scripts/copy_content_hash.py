"""Copies the content hash into the Python client, which is installed without the service. `make docs` runs it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
ORIGINAL = ROOT / "app/utils/content_hash"
COPY = ROOT / "clients/python/src/photo_classifier/content_hash"


def copies() -> dict[Path, str]:
    """Return what each file of the copy has to hold: the original with imports of its own."""
    return {
        COPY / path.name: path.read_text(encoding="utf-8").replace(
            "app.utils.content_hash", "photo_classifier.content_hash"
        )
        for path in ORIGINAL.glob("*.py")
    }


if __name__ == "__main__":
    for path, text in copies().items():
        path.write_text(text, encoding="utf-8")
