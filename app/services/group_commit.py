"""Group commit: what arrives while a commit is under way is written together by the next one."""

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, field

from app.errors import Overloaded
from app.models.domain import Outcome
from app.repositories.ledger_batch import LedgerBatch
from app.services.ledger import Ledger

_MAX_BATCH = 512
_CLOSE_SECONDS = 10.0

Waiting = tuple[Outcome, asyncio.Future[None]]


@dataclass(slots=True)
class _Writer:
    """Writes one batch after the other, numbered."""

    name: str = field(default_factory=lambda: secrets.token_hex(16))
    last: int = 0


class GroupCommit:
    """Makes outcomes durable. No delay is added when idle; when busy, many outcomes share a transaction.

    `writers` transactions may overlap. More than one makes batches smaller, and the whole slower: at 64 connections one
    writer answered a sixth more requests than two or four.
    """

    def __init__(self, ledger: Ledger, *, writers: int = 1, max_waiting: int = 4096) -> None:
        self._ledger = ledger
        self._max_waiting = max_waiting
        self._waiting: deque[Waiting] = deque()
        self._idle = [_Writer() for _ in range(writers)]
        self._running: set[asyncio.Task[None]] = set()

    async def record(self, outcome: Outcome) -> None:
        """Return when the outcome is durable. Raises `Overloaded` at once, or `DatabaseUnavailable`."""
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(detail="too many records wait to be written")
        durable = asyncio.get_running_loop().create_future()
        self._waiting.append((outcome, durable))
        if self._idle:
            # The task begins after all that is ready to run now: requests of one moment share its first batch.
            task = asyncio.create_task(self._run(self._idle.pop()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await durable

    async def close(self) -> None:
        """Write what waits, within a bounded time."""
        if self._running:
            await asyncio.wait(self._running, timeout=_CLOSE_SECONDS)

    async def _run(self, writer: _Writer) -> None:
        try:
            while self._waiting:
                await self._write_next(writer)
        finally:
            self._idle.append(writer)

    async def _write_next(self, writer: _Writer) -> None:
        waiting = [self._waiting.popleft() for _ in range(min(_MAX_BATCH, len(self._waiting)))]
        writer.last += 1
        try:
            await self._ledger.write(LedgerBatch.of(writer.name, writer.last, [outcome for outcome, _ in waiting]))
        except Exception as error:
            for durable in _still_there(waiting):
                durable.set_exception(error)
        else:
            for durable in _still_there(waiting):
                durable.set_result(None)


def _still_there(waiting: list[Waiting]) -> list[asyncio.Future[None]]:
    return [durable for _, durable in waiting if not durable.done()]  # else its caller has left
