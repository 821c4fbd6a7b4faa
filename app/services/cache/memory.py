"""The layer in front of the shared cache: the most recently used names of photos, in this process's memory."""

import time
from collections.abc import Callable, Mapping

from app.models.domain import KnownAnswer


class MemoryCache:
    """At most `entries` names with their answers. The least recently used one goes first.

    Answers hardly change, but an operator may correct or delete one. So an entry is fresh for `ttl_seconds`, or until
    it is heard of such a change, and then read from the database again. It stays for as long as there is room: while
    the database is away it is all there is.

    For `doubt_seconds` after `doubt` what this process has just written is not fresh either: others may know better.
    """

    def __init__(
        self,
        entries: int,
        ttl_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        doubt_seconds: float = 0,
    ) -> None:
        self._entries = entries
        self._ttl_seconds = ttl_seconds
        self._monotonic = monotonic
        self._doubt_seconds = doubt_seconds
        self._doubted_until = float("-inf")
        self._old_until = float("-inf")
        """Entries that would have been fresh until then, or shorter, are not."""
        self.changes = 0
        """How often it was heard of changes: what was read before the last of them may be old."""
        self._known: dict[str, tuple[KnownAnswer, float]] = {}  # in the order of use
        self._own: set[str] = set()
        """Names whose answers this process has found out, and has not read from the database since."""

    def __len__(self) -> int:
        return len(self._known)

    def get(self, name: str) -> KnownAnswer | None:
        """Return the answer that is remembered for a name, if it is fresh."""
        entry = self._known.get(name)
        if entry is None or entry[1] <= self._monotonic() or entry[1] <= self._old_until:
            return None
        # Taken out and put in again, it is the one used last.
        del self._known[name]
        self._known[name] = entry
        return entry[0]

    def get_stale(self, name: str) -> KnownAnswer | None:
        """Return the answer that is remembered for a name, however old."""
        entry = self._known.get(name)
        return entry[0] if entry is not None else None

    def get_own(self, name: str) -> KnownAnswer | None:
        """Return the answer that is remembered for a name, if this process has found it out and may be the only one
        that knows it."""
        return self.get_stale(name) if name in self._own else None

    def put(self, name: str, known: KnownAnswer, *, read: bool = True) -> None:
        """Remember an answer that is durable: `read` from the database, or just written to it or to the spool."""
        if self._entries == 0:
            return
        now = self._monotonic()
        self._known.pop(name, None)
        self._known[name] = (known, now + self._ttl_seconds if read or now >= self._doubted_until else now)
        if read:
            self._own.discard(name)
        else:
            self._own.add(name)
        if len(self._known) > self._entries:
            self.forget(next(iter(self._known)))

    def forget(self, name: str) -> None:
        """Drop what is remembered for a name."""
        self._known.pop(name, None)
        self._own.discard(name)

    def doubt(self) -> None:
        """Doubt for a time that what this process has found out by itself is what the database says."""
        self._doubted_until = self._monotonic() + self._doubt_seconds

    def hear_of(self, changed: Mapping[str, bool]) -> None:
        """Let the answers to these photos be read again, whatever name they are remembered by; drop those that are
        deleted: `changed` says of each key of an answer whether it is."""
        self.changes += 1
        self.doubt()
        for name, (known, _) in [entry for entry in self._known.items() if entry[1][0].image_hash in changed]:
            if changed[known.image_hash]:
                self.forget(name)
            else:
                self._known[name] = (known, float("-inf"))

    def hear_of_many(self) -> None:
        """Let all answers be read again."""
        self.changes += 1
        self.doubt()
        self._own.clear()  # any of them may be deleted
        self._old_until = self._monotonic() + self._ttl_seconds
