"""So many bytes of uploads in memory at the same time, and no more."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import Overloaded


class UploadBudget:
    """Counts the bytes of uploads as they arrive. What a client announces takes no room."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._in_flight = 0

    @property
    def in_flight(self) -> int:
        """Bytes that are held at the moment."""
        return self._in_flight

    @contextmanager
    def upload(self) -> Iterator[Callable[[int], None]]:
        """Yield what is to be called with the size of each piece before it is kept; free all of them at the end.

        It raises `Overloaded` where the piece does not fit beside the other uploads. One alone always fits.
        """
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if self._in_flight + size > self._max_bytes and self._in_flight > held:
                raise Overloaded(detail="too many bytes of uploads are in flight")
            held += size
            self._in_flight += size

        try:
            yield hold
        finally:
            self._in_flight -= held
