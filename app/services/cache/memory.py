"""The layer in front of the shared cache: the most recently used answers, in this process's memory."""

import time
from collections.abc import Callable

from app.models.domain import Classification


class MemoryCache:
    """At most `entries` answers, the least recently used of them going first, none older than `ttl_seconds`.

    Answers do not change, but an operator may correct or delete one: that is seen when the entry has expired.
    """

    def __init__(self, entries: int, ttl_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._ttl_seconds = ttl_seconds
        self._monotonic = monotonic
        self._known: dict[str, tuple[Classification, float]] = {}  # in the order of use

    def __len__(self) -> int:
        return len(self._known)

    def get(self, image_hash: str) -> Classification | None:
        """Return what is remembered of an image, or None."""
        entry = self._known.pop(image_hash, None)
        if entry is None or entry[1] <= self._monotonic():
            return None
        self._known[image_hash] = entry
        return entry[0]

    def put(self, image_hash: str, classification: Classification) -> None:
        """Remember an answer that is durable."""
        if self._entries == 0:
            return
        self._known.pop(image_hash, None)
        self._known[image_hash] = (classification, self._monotonic() + self._ttl_seconds)
        if len(self._known) > self._entries:
            del self._known[next(iter(self._known))]
