"""Batched lookups: those that arrive while one is under way leave together as one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from time import perf_counter

from app.errors import Overloaded
from app.models.domain import Classification
from app.observe.metrics import Metrics

_MAX_BATCH = 512

Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, Classification]]]
Asking = list[asyncio.Future[Classification | None]]


class BatchedLookups:
    """Looks images up by hash. No delay is added when idle; when busy, many lookups share a statement.

    One statement at a time: with two, batches were smaller and the whole slower. The same image asked for twice is
    looked up once.
    """

    def __init__(self, fetch: Fetch, *, max_waiting: int = 4096, metrics: Metrics) -> None:
        self._fetch = fetch
        self._metrics = metrics
        self._max_waiting = max_waiting
        self._waiting: dict[str, Asking] = {}
        self._number_waiting = 0
        self._task: asyncio.Task[None] | None = None
        metrics.queues.watch(lambda: self.waiting, "lookups")

    @property
    def waiting(self) -> int:
        """How many lookups wait for their statement to leave."""
        return self._number_waiting

    async def fetch_one(self, image_hash: str) -> Classification | None:
        """Return what is known of an image, or None. Raises `Overloaded` at once, or `DatabaseUnavailable`."""
        if self._number_waiting >= self._max_waiting:
            raise Overloaded(detail="too many lookups wait")
        answer: asyncio.Future[Classification | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(image_hash, []).append(answer)
        self._number_waiting += 1
        if self._task is None:
            # It begins after all that is ready to run now: lookups of one moment share its first statement.
            self._task = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._fetch_next()
        finally:
            self._task = None

    async def _fetch_next(self) -> None:
        asking = self._take()
        self._metrics.lookup_batch_size.observe(len(asking))
        started = perf_counter()
        try:
            found = await self._fetch(list(asking))
        except Exception as error:
            for _, answer in _unanswered(asking):
                answer.set_exception(error)
            return
        finally:
            self._metrics.lookup_seconds.observe(perf_counter() - started)
        for image_hash, answer in _unanswered(asking):
            answer.set_result(found.get(image_hash))

    def _take(self) -> dict[str, Asking]:
        taken, self._waiting = self._waiting, {}
        while len(taken) > _MAX_BATCH:
            image_hash, answers = taken.popitem()
            self._waiting[image_hash] = answers
        self._number_waiting -= sum(len(answers) for answers in taken.values())
        return taken


def _unanswered(asking: Mapping[str, Asking]) -> Iterator[tuple[str, asyncio.Future[Classification | None]]]:
    for image_hash, answers in asking.items():
        for answer in answers:
            if not answer.done():  # else its caller has left
                yield image_hash, answer
