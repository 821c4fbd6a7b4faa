"""Decides whether to try once more, and how long to wait before that.

Trying again cannot pay twice for an answer: the service knows a photo by its bytes, stores the answer even if whoever
asked has gone, and lets all who upload the same photo wait for one answer.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from photo_classifier.errors import (
    ClassifierError,
    ConnectionFailed,
    ModelFailed,
    ServiceError,
)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 8.0


@dataclass(slots=True)
class Tries:
    """The tries of one photo, within one time for all of them."""

    total_seconds: float
    max_tries: int
    now: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    _begun: float = field(init=False)
    _tried: int = field(init=False, default=0)
    _all_tries: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._begun = self.now()

    def left(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self._begun + self.total_seconds - self.now())

    def begin_request(self) -> None:
        """Count tries anew: another request begins. The time goes on."""
        self._tried = 0

    def pause_after(self, error: ClassifierError) -> float:
        """Return the seconds to wait before the next try. Raises the error where there is to be none."""
        self._tried += 1
        self._all_tries += 1
        error.tries = self._all_tries
        if not may_pass(error) or self._tried >= self.max_tries:
            raise error
        pause = self._pause(error)
        if pause >= self.left():
            raise error
        return pause

    def _pause(self, error: ClassifierError) -> float:
        if isinstance(error, ServiceError) and error.retry_after_seconds is not None:
            return error.retry_after_seconds
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (self._tried - 1))
        return longest * (0.5 + self.chance() / 2)


def may_pass(error: ClassifierError) -> bool:
    """Whether the same request may be answered a little later: where the table of the service's docs/apps.md says yes.

    Not where the model has been asked in vain: each question to it may be billed.
    """
    if isinstance(error, ConnectionFailed):
        return not error.is_final
    if not isinstance(error, ServiceError) or isinstance(error, ModelFailed):
        return False
    return error.status in (408, 429) or error.status >= 500
