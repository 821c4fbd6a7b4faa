"""The layer in front of the shared cache: the most recently used names of photos, in this process's memory."""

import time
from collections.abc import Callable

from app.models.domain import KnownAnswer


class MemoryCache:
    """At most `entries` names with their answers. The least recently used one goes first.

    Answers do not change, but an operator may correct or delete one. So an entry is fresh for `ttl_seconds`, and then
    read from the database again. It stays for as long as there is room: while the database is away it is all there is.
    """

    def __init__(self, entries: int, ttl_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._ttl_seconds = ttl_seconds
        self._monotonic = monotonic
        self._known: dict[str, tuple[KnownAnswer, float]] = {}  # in the order of use

    def __len__(self) -> int:
        return len(self._known)

    def get(self, name: str) -> KnownAnswer | None:
        """Return the answer that is remembered for a name, if it is fresh."""
        entry = self._known.get(name)
        if entry is None or entry[1] <= self._monotonic():
            return None
        # Taken out and put in again, it is the one used last.
        del self._known[name]
        self._known[name] = entry
        return entry[0]

    def get_stale(self, name: str) -> KnownAnswer | None:
        """Return the answer that is remembered for a name, however old."""
        entry = self._known.get(name)
        return entry[0] if entry is not None else None

    def put(self, name: str, known: KnownAnswer) -> None:
        """Remember an answer that is durable."""
        if self._entries == 0:
            return
        self._known.pop(name, None)
        self._known[name] = (known, self._monotonic() + self._ttl_seconds)
        if len(self._known) > self._entries:
            del self._known[next(iter(self._known))]

    def forget(self, name: str) -> None:
        """Drop what is remembered for a name."""
        self._known.pop(name, None)
