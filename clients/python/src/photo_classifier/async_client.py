"""The client for programs with an event loop, asyncio's or trio's. It does what `Classifier` does.

To cancel a call is safe at any moment: the service stores the answer to an upload that has arrived.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Self, TypeVar

import anyio
import anyio.to_thread
import httpx

from photo_classifier.answer import Answer
from photo_classifier.core.flow import (
    MAX_BATCH,
    Compute,
    Flow,
    Pause,
    Reply,
    Send,
    Step,
    check_batch_flow,
    check_flow,
    classify_flow,
)
from photo_classifier.core.reading import Checked
from photo_classifier.core.wire import Lane, Response
from photo_classifier.errors import ClassifierError, ClientClosed, ConnectionFailed, NotOffered
from photo_classifier.options import Options
from photo_classifier.outcome import DEFAULT_CONCURRENCY, OnDone, Outcome
from photo_classifier.photo import Names, Photo, PhotoSource
from photo_classifier.transport import Collected, failure_of, headers_of, no_time_left, slices, timeout_of

Value = TypeVar("Value")
Item = TypeVar("Item")


class AsyncClassifier:
    """Classifies photos by the service at `options.url`.

    `http` may be given for a proxy or certificates of one's own; it is then not closed with the client.
    """

    def __init__(self, options: Options, http: httpx.AsyncClient | None = None) -> None:
        self.options = options
        self._http = http or httpx.AsyncClient()
        self._owns_http = http is None
        self._is_closed = False
        self._batch_is_offered = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all connections. Calls that are under way end with `ClientClosed` or `ConnectionFailed`."""
        self._is_closed = True
        if self._owns_http:
            await self._http.aclose()

    async def classify(
        self, source: PhotoSource | Photo, *, lane: Lane | None = None, is_missed: bool = False
    ) -> Answer:
        """Return the answer to a photo: asked for by its hashes, uploaded if it is not known.

        `lane="deferred"` asks at the vendor's reduced price, which takes longer. `is_missed`: `check` has just said
        that it is not known. Raises `ClassifierError`.
        """
        photo = source if isinstance(source, Photo) else await anyio.to_thread.run_sync(Photo.of, source)
        return await self._run(classify_flow(photo, self.options, lane, is_missed=is_missed))

    async def check(self, names: Names) -> Answer | None:
        """Return the answer to a photo if it is known, without uploading it. Raises `ClassifierError`."""
        return await self._run(check_flow(names, self.options))

    async def check_many(self, many: Sequence[Names], *, concurrency: int = DEFAULT_CONCURRENCY) -> list[Checked]:
        """Return for each photo its answer, None where it is not known, or an error of its own.

        Asks for 200 at a time; one by one where the server is of a version that lacks that call. Raises
        `ClassifierError` where nothing could be asked.
        """
        found: list[Checked] = []
        for start in range(0, len(many), MAX_BATCH):
            found += await self._check_some(many[start : start + MAX_BATCH], concurrency)
        return found

    async def classify_many(
        self,
        sources: Iterable[PhotoSource],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        lane: Lane | None = None,
        on_done: OnDone | None = None,
    ) -> list[Outcome]:
        """Return what came of each photo, in their order. So many are under way at a time, and no more are read ahead.

        `on_done` is called for one photo at a time.
        """

        async def outcome(source: PhotoSource) -> Outcome:
            try:
                return Outcome(source, await self.classify(source, lane=lane), None)
            except ClassifierError as error:
                return Outcome(source, None, error)

        return await _in_tasks(sources, outcome, concurrency, on_done)

    async def _check_some(self, many: Sequence[Names], concurrency: int) -> list[Checked]:
        if self._batch_is_offered:
            try:
                return await self._run(check_batch_flow(many, self.options))
            except NotOffered:
                self._batch_is_offered = False
        return await _in_tasks(many, self._check_or_error, concurrency)

    async def _check_or_error(self, names: Names) -> Checked:
        try:
            return await self.check(names)
        except ClassifierError as error:
            return error

    async def _run(self, flow: Flow[Value]) -> Value:
        """Do what the flow says until it has a value."""
        try:
            step = next(flow)
            while True:
                step = flow.send(await self._do(step))
        except StopIteration as end:
            value: Value = end.value
            return value
        finally:
            flow.close()

    async def _do(self, step: Step) -> Reply:
        if self._is_closed:
            raise ClientClosed("The client is closed.")
        match step:
            case Send():
                return await self._send(step)
            case Pause(seconds):
                await anyio.sleep(seconds)
                return None
            case Compute(function):
                return await anyio.to_thread.run_sync(function)

    async def _send(self, step: Send) -> Response | ConnectionFailed:
        with anyio.move_on_after(step.seconds):
            return await self._sent(step)
        return no_time_left()

    async def _sent(self, step: Send) -> Response | ConnectionFailed:
        request = self._http.build_request(
            "POST",
            step.request.url,
            headers=headers_of(step.request),
            content=_slices(step.request.body),
            timeout=timeout_of(step.seconds, self.options.limits.connect_seconds),
        )
        try:
            answered = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                collected = Collected()
                async for piece in answered.aiter_raw():
                    collected.add(piece)
            finally:
                await answered.aclose()
            return collected.response(answered)
        except httpx.TransportError as error:
            return failure_of(error)
        except ConnectionFailed as error:
            return error
        except RuntimeError:
            if self._is_closed:  # httpx says so by this class
                raise ClientClosed("The client was closed.") from None
            raise


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for piece in slices(body):
        yield piece


async def _in_tasks(
    items: Iterable[Item],
    function: Callable[[Item], Awaitable[Value]],
    concurrency: int,
    on_done: Callable[[Value, int], object] | None = None,
) -> list[Value]:
    """Return the function's values in the order of the items, each taken when a task is free for it."""
    numbered = enumerate(items)
    values: dict[int, Value] = {}
    failures: list[Exception] = []

    async def work() -> None:
        try:
            for index, item in numbered:  # all tasks take from one iterator
                values[index] = await function(item)
                if on_done is not None:
                    on_done(values[index], len(values))
        except Exception as error:  # raised below, alone: a task group would raise a group
            failures.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for _ in range(max(1, concurrency)):
            tasks.start_soon(work)
    if failures:
        raise failures[0]
    return [values[index] for index in sorted(values)]
