"""Leaves a model alone that keeps failing, and finds out by one question at a time when it is back."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, get_args

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import (
    ModelCircuitOpen,
    ModelDenied,
    ModelError,
    ModelOverloaded,
    ModelTimeout,
    ModelUnavailable,
    NotAsked,
)
from app.services.model_client import ModelClient, Question

FAILURES_TO_OPEN = 5
DENIALS_TO_OPEN_AT_THE_START = 2
OPEN_SECONDS = 30.0

BreakerState = Literal["closed", "open", "half_open"]
BREAKER_STATES: tuple[BreakerState, ...] = get_args(BreakerState)


@dataclass(slots=True)
class BreakerModel:
    """A circuit breaker: closed → open after failures in a row → half open, one probe → closed or open again.

    Failures are `ModelUnavailable` and `ModelTimeout`; refusals and bad answers are about one image. Three of them say
    less about the model than they seem to, so that no single client can take the model away from all others:

    - A time-out counts if the model was given at least half of `fair_budget_seconds`. Otherwise the time was spent
      before the model was asked.
    - `ModelDenied` counts once for each picture, since a filter may have disliked it. A model that has never answered
      is left alone after two denied pictures.
    - A probe that fails in one of these ways leaves the breaker half open: the next question is the probe.

    What is surely our own configuration (a key, an account) opens it at once, with one line in the log.
    """

    inner: ModelClient
    name: str
    fair_budget_seconds: float
    open_seconds: float = OPEN_SECONDS
    _failures: int = field(default=0, init=False)
    _denied_pictures: set[int] = field(default_factory=set, init=False)
    _has_answered: bool = field(default=False, init=False)
    _open_until: float | None = field(default=None, init=False)
    _probing: bool = field(default=False, init=False)

    @property
    def closed(self) -> bool:
        """Whether questions go through. A breaker that has opened is closed by an answer, not by time."""
        return self._open_until is None

    @property
    def state(self) -> BreakerState:
        """Half open: the next question is the probe, or one is under way."""
        if self._open_until is None:
            return "closed"
        due = self._open_until <= asyncio.get_running_loop().time()
        return "half_open" if due or self._probing else "open"

    async def ask(self, question: Question) -> ModelReply:
        probe = self._admit()
        calls_before = len(question.calls)
        try:
            reply = await self.inner.ask(question)
        except (ModelOverloaded, NotAsked):
            raise  # the model was not asked
        except (ModelUnavailable, ModelTimeout) as error:
            if self._counts(error, question, calls_before):
                self._fail(error, probe=probe)
            raise
        except ModelError:
            self._recover(probe=probe)
            raise
        finally:
            if probe:
                self._probing = False
        self._recover(probe=probe)
        return reply

    def _admit(self) -> bool:
        """Let a question through, or raise. Returns whether it is the probe of a half-open breaker."""
        if self._open_until is None:
            return False
        left = self._open_until - asyncio.get_running_loop().time()
        if left > 0 or self._probing:
            raise ModelCircuitOpen(
                detail=f"{self.name} is left alone after failures", retry_after_seconds=max(1, round(left))
            )
        self._probing = True
        return True

    def _counts(self, error: ModelError, question: Question, calls_before: int) -> bool:
        """Return whether a failure says something about the model, rather than about this one question."""
        if isinstance(error, ModelTimeout):
            asked_ms = sum(call.duration_ms for call in question.calls[calls_before:])
            return asked_ms >= self.fair_budget_seconds * 1000 / 2
        if isinstance(error, ModelDenied):
            picture = hash(question.jpeg)
            if not self.closed or picture in self._denied_pictures:
                return False
            self._denied_pictures.add(picture)  # never many: each is a failure, and enough failures clear them
        return True

    def _fail(self, error: ModelError, *, probe: bool) -> None:
        if not (probe or self.closed):
            return  # asked before it opened, and known by now
        self._failures += 1
        denied_from_the_start = not self._has_answered and len(self._denied_pictures) >= DENIALS_TO_OPEN_AT_THE_START
        if not (probe or error.our_configuration or denied_from_the_start or self._failures >= FAILURES_TO_OPEN):
            return
        self._open_until = asyncio.get_running_loop().time() + self.open_seconds
        self._denied_pictures.clear()
        if error.our_configuration or isinstance(error, ModelDenied):
            logger.error("the model refuses our configuration", provider=self.name, detail=error.detail)
        elif not probe:
            logger.error("the model keeps failing", provider=self.name, detail=error.detail, failures=self._failures)

    def _recover(self, *, probe: bool) -> None:
        self._has_answered = True
        if not (probe or self.closed):
            return  # asked before it opened: only the probe closes it
        if self._open_until is not None:
            logger.info("the model answers again", provider=self.name)
        self._failures = 0
        self._denied_pictures.clear()
        self._open_until = None
