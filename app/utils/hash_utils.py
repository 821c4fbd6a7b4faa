"""SHA-256 as the cache's key, and as one more name of a photo. Pure functions."""

import hashlib
import re

IMAGE_HASH_PATTERN = "^[0-9a-fA-F]{64}$"
CONTENT_HASH_PATTERN = "^c1:[0-9a-fA-F]{64}$"
NAME_PATTERN = "^(c1:|q1:)?[0-9a-fA-F]{64}$"
"""Any name of a photo."""


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


def question_name(jpeg: bytes) -> str:
    """Return the name of what a model would be asked about a prepared JPEG: `q1:` and the SHA-256 of its bytes.

    No version of what prepared it is in the name: equal bytes are an equal question, whatever made them.
    """
    return f"q1:{sha256_hex(jpeg)}"


def is_image_hash(text: str) -> bool:
    """Whether `text` is a SHA-256 in hexadecimal, in either case."""
    return len(text) == 64 and re.match(IMAGE_HASH_PATTERN, text) is not None
