"""Leaves a model alone that keeps failing, and finds out by one question at a time when it is back."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, get_args

from loguru import logger

from app.models.domain import ModelReply
from app.services.model.errors import ModelCircuitOpen, ModelError, ModelOverloaded, ModelTimeout, ModelUnavailable
from app.services.model_client import ModelClient
from app.utils.deadline import Deadline

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 30.0

BreakerState = Literal["closed", "open", "half_open"]
BREAKER_STATES: tuple[BreakerState, ...] = get_args(BreakerState)


@dataclass(slots=True)
class BreakerModel:
    """A circuit breaker: closed → open after failures in a row → half open, one probe → closed or open again.

    Failures are `ModelUnavailable` and `ModelTimeout`: refusals and bad answers are about one image. What is our own
    configuration (a key, a model name) opens it at once, with one line that says so.
    """

    inner: ModelClient
    name: str
    open_seconds: float = OPEN_SECONDS
    _failures: int = field(default=0, init=False)
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

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        probe = self._admit()
        try:
            reply = await self.inner.classify(jpeg, deadline)
        except (ModelUnavailable, ModelTimeout) as error:
            self._fail(error, probe=probe)
            raise
        except ModelOverloaded:
            raise  # the model was not asked
        except ModelError:
            self._recover(probe=probe)
            raise
        finally:
            if probe:
                self._probing = False
        self._recover(probe=probe)
        return reply

    async def close(self) -> None:
        await self.inner.close()

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

    def _fail(self, error: ModelError, *, probe: bool) -> None:
        if not (probe or self.closed):
            return  # asked before it opened, and known by now
        self._failures += 1
        if not (probe or error.our_configuration or self._failures >= FAILURES_TO_OPEN):
            return
        self._open_until = asyncio.get_running_loop().time() + self.open_seconds
        if error.our_configuration:
            logger.error("the model refuses our configuration", provider=self.name, detail=error.detail)
        elif not probe:
            logger.error("the model keeps failing", provider=self.name, detail=error.detail, failures=self._failures)

    def _recover(self, *, probe: bool) -> None:
        if not (probe or self.closed):
            return  # asked before it opened: only the probe closes it
        if self._open_until is not None:
            logger.info("the model answers again", provider=self.name)
        self._failures = 0
        self._open_until = None
