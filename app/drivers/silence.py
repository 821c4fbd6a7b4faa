"""A server that answers nobody is not asked by everybody: one call at a time finds out whether it is back."""

import asyncio

from app.errors import DatabaseUnavailable


class Silence:
    """Remembers that the server was silent for as long as a call may take, so that the next calls need not wait too.

    A request makes several calls: without this it would wait for each of them.
    """

    def __init__(self, pause_seconds: float = 1.0) -> None:
        self._pause_seconds = pause_seconds
        self._until: float | None = None
        self._probe_began: float | None = None
        self._answered_at = 0.0

    @property
    def lasts(self) -> bool:
        """Whether the server has answered nobody since it was found to be silent."""
        return self._until is not None

    def admit(self, limit_seconds: float, *, quick: bool) -> float:
        """Return the moment if a call may try now. Raises `DatabaseUnavailable` if it would be in vain.

        Only a quick call may find out whether the server is back: all others are refused for as long as it takes.
        """
        now = asyncio.get_running_loop().time()
        if self._until is not None:
            if now < self._until or not quick:
                raise DatabaseUnavailable(detail="MySQL was silent a moment ago")
            self._until = now + limit_seconds + self._pause_seconds
            self._probe_began = now
        return now

    def note_answer(self) -> None:
        """The server has answered somebody."""
        self._until = self._probe_began = None
        self._answered_at = asyncio.get_running_loop().time()

    def note_none(self, began: float) -> None:
        """A call that began then has waited in vain. If others did not, it is not the server that is silent."""
        if self._answered_at < began:
            self._until = asyncio.get_running_loop().time() + self._pause_seconds

    def note_nothing(self, began: float) -> None:
        """A call that began then has ended without finding out; if it was to, the next one may."""
        if self._probe_began == began:
            self._until = asyncio.get_running_loop().time()
            self._probe_began = None
