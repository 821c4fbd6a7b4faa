"""What the service says of a photo."""

import re
from dataclasses import dataclass
from typing import Any

_CATEGORY = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Photos are moved into folders of these names, and terminals show them: whoever answers must not choose any text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Which category a photo belongs to."""

    category: str
    """A key that `GET /categories` lists: `pets`, `foods`, ..."""
    confidence: float
    """0 to 1."""
    description: str | None
    from_cache: bool
    """The answer was known: nothing was paid for it."""
    request_id: str | None
    matched_by: str | None = None
    """How the photo was recognised: `bytes`, `content`, `question`, `near`; None: a model was asked."""
    degraded: bool = False
    """No model could be asked, and the embedded network answered: a later upload may be answered better."""
    model_used: str | None = None
    corrected_by: str | None = None
    """`you`, where the user has told the service what the photo shows."""
    uploaded_bytes: int = 0
    """What was sent for it; 0 where the hash was enough."""

    @property
    def is_paid(self) -> bool:
        """Whether a vendor's model was asked. The service's own network costs nothing."""
        return not (self.from_cache or self.degraded or (self.model_used or "").startswith("local-"))

    def __post_init__(self) -> None:
        if not _CATEGORY.fullmatch(self.category):
            raise ValueError("not a category")


def read_answer(body: dict[str, Any], uploaded_bytes: int = 0) -> Answer:
    """Return the answer that a body of the service holds. Raises KeyError, TypeError or ValueError for others."""
    data = body["data"]
    return Answer(
        category=data["category"],
        confidence=float(data["confidence"]),
        description=_text_or_none(data["description"]),
        from_cache=bool(body["from_cache"]),
        request_id=_text_or_none(body.get("request_id")),
        matched_by=_text_or_none(body.get("matched_by")),
        degraded=bool(body.get("degraded", False)),
        model_used=_text_or_none(body.get("model_used")),
        corrected_by=_text_or_none(body.get("corrected_by")),
        uploaded_bytes=uploaded_bytes,
    )


def _text_or_none(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and value):
        raise ValueError("not a text")
    return value
