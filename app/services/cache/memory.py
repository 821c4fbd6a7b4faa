"""The layer in front of the shared cache: the most recently used answers, in this process's memory."""

import time
from collections.abc import Callable

from app.models.domain import Classification


class MemoryCache:
    """At most `entries` answers. The least recently used one goes first.

    Answers do not change, but an operator may correct or delete one. So an entry is fresh for `ttl_seconds`, and then
    read from the database again. It stays for as long as there is room: while the database is away it is all there is.
    """

    def __init__(self, entries: int, ttl_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._ttl_seconds = ttl_seconds
        self._monotonic = monotonic
        self._known: dict[str, tuple[Classification, float]] = {}  # in the order of use

    def __len__(self) -> int:
        return len(self._known)

    def get(self, image_hash: str) -> Classification | None:
        """Return what is remembered of a photo, if it is fresh."""
        entry = self._known.get(image_hash)
        if entry is None or entry[1] <= self._monotonic():
            return None
        # Taken out and put in again, it is the one used last.
        del self._known[image_hash]
        self._known[image_hash] = entry
        return entry[0]

    def get_stale(self, image_hash: str) -> Classification | None:
        """Return what is remembered of a photo, however old."""
        entry = self._known.get(image_hash)
        return entry[0] if entry is not None else None

    def put(self, image_hash: str, classification: Classification) -> None:
        """Remember an answer that is durable."""
        if self._entries == 0:
            return
        self._known.pop(image_hash, None)
        self._known[image_hash] = (classification, self._monotonic() + self._ttl_seconds)
        if len(self._known) > self._entries:
            del self._known[next(iter(self._known))]

    def forget(self, image_hash: str) -> None:
        """Drop what is remembered of a photo."""
        self._known.pop(image_hash, None)
