"""So many bytes of uploads in memory at the same time, and no more."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from app.errors import Overloaded


class UploadBudget:
    """Counts the bytes of uploads as they arrive. What a client announces takes no room."""

    def __init__(self, max_bytes: int, whole: "UploadBudget | None" = None) -> None:
        """With a `whole` this is a part of it: what is held here is held there too."""
        self._max_bytes = max_bytes
        self._whole = whole
        self._in_flight = 0
        self._uploads = 0

    @property
    def uploads(self) -> int:
        """How many uploads there are at the moment."""
        return self._uploads

    @property
    def in_flight(self) -> int:
        """Bytes that are held at the moment."""
        return self._in_flight

    def part(self, share: float) -> "UploadBudget":
        """Return the room of uploads that may have no more than this share of it."""
        return UploadBudget(int(self._max_bytes * share), self)

    @contextmanager
    def upload(self) -> Iterator[Callable[[int], None]]:
        """Yield what is to be called with the size of each piece before it is kept; free all of them at the end.

        It raises `Overloaded` where the piece does not fit beside the other uploads. One alone always fits.
        """
        with nullcontext() if self._whole is None else self._whole.upload() as hold_whole:
            yield from self._upload(hold_whole)

    def _upload(self, hold_whole: Callable[[int], None] | None) -> Iterator[Callable[[int], None]]:
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if self._in_flight + size > self._max_bytes and self._in_flight > held:
                raise Overloaded(detail="too many bytes of uploads are in flight")
            if hold_whole is not None:
                hold_whole(size)
            held += size
            self._in_flight += size

        self._uploads += 1
        try:
            yield hold
        finally:
            self._uploads -= 1
            self._in_flight -= held
