"""So many bytes of uploads in memory at the same time, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Overloaded


class UploadBudget:
    """Admits uploads while they fit; the next fails at once with `Overloaded`. One alone always fits."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._in_flight = 0

    @property
    def in_flight(self) -> int:
        """Bytes that are held at the moment."""
        return self._in_flight

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Hold room for an upload of at most `size` bytes for the time of the block."""
        if self._in_flight and self._in_flight + size > self._max_bytes:
            raise Overloaded(detail="too many bytes of uploads are in flight")
        self._in_flight += size
        try:
            yield
        finally:
            self._in_flight -= size
