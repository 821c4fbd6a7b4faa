"""A moment by which a piece of work, with all its parts, must have ended."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the event loop's clock, passed down so that every step knows what is left of one budget."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that is `seconds` from now. Needs a running event loop."""
        return cls(asyncio.get_running_loop().time() + seconds)

    def remaining_seconds(self) -> float:
        """Return what is left; zero once it has passed."""
        return max(0.0, self.at - asyncio.get_running_loop().time())

    def share(self, part: float) -> "Deadline":
        """Return the deadline of a step that may use `part` (0 to 1) of what is left."""
        return Deadline.after(self.remaining_seconds() * part)
