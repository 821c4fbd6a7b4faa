"""How an answer is written for other processes to read. Compact, and checked when it is read: anybody may have written
what is there, another version of this service too."""

import json
from typing import Any

from app.models.domain import Category, Classification, KnownAnswer
from app.models.identity import MatchedBy
from app.services.cache.known_changes import Stamp
from app.utils.hash_utils import is_image_hash

FORMAT = 1
"""Part of every key, so that versions which write other values do not meet."""

MAX_BYTES = 8192
_NUMBERS_END = 2**32
"""What the database's column of sizes holds; marks have no more bits, and so many changes there never are."""


def encode(name: str, known: KnownAnswer, stamp: Stamp) -> bytes | None:
    """Return an answer as it is kept by one of its names; None for one that is not kept.

    Those that are only near are not, for the photo's own answer may come at any time; nor are those whose names are
    still to be written down, which is done by whoever reads them from the database.
    """
    if known.matched_by is MatchedBy.NEAR or known.image_size is None:
        return None
    answer = known.classification
    row: list[Any] = [*stamp, answer.category, answer.confidence, answer.description, known.image_size]
    if known.image_hash != name or known.matched_by is not MatchedBy.BYTES:
        row += [known.matched_by, known.image_hash]
    value = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
    return value if len(value) <= MAX_BYTES else None


def decode(name: str, value: bytes) -> tuple[Stamp, KnownAnswer] | None:
    """Return what was kept by a name, and as of when; None for what is no answer."""
    if len(value) > MAX_BYTES:
        return None
    try:
        number, mark, category, confidence, description, image_size, *rest = json.loads(value)
        matched_by, image_hash = rest or (MatchedBy.BYTES, name)
        known = KnownAnswer(
            Classification(Category(category), confidence, description), image_hash, MatchedBy(matched_by), image_size
        )
    except (ValueError, TypeError, RecursionError):
        return None
    return (Stamp(number, mark), known) if _is_sound(known, number, mark) else None


def _is_sound(known: KnownAnswer, number: object, mark: object) -> bool:
    answer = known.classification
    return (
        all(type(value) is int and 0 <= value < _NUMBERS_END for value in (number, mark, known.image_size))
        and type(answer.confidence) in (int, float)
        and 0 <= answer.confidence <= 1
        and (answer.description is None or _is_text(answer.description))
        and type(known.image_hash) is str
        and is_image_hash(known.image_hash)
        and known.matched_by is not MatchedBy.NEAR
    )


def _is_text(value: object) -> bool:
    """Whether it is text that can be sent on: JSON may hold halves of characters."""
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
