"""The client for programs without an event loop. Any number of threads may share one."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, TypeVar

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
from photo_classifier.threads import in_threads
from photo_classifier.transport import Collected, failure_of, headers_of, no_time_left, slices, timeout_of

Value = TypeVar("Value")


class Classifier:
    """Classifies photos by the service at `options.url`.

    `http` may be given for a proxy or certificates of one's own; it is then not closed with the client.
    """

    def __init__(self, options: Options, http: httpx.Client | None = None) -> None:
        self.options = options
        self._http = http or httpx.Client()
        self._owns_http = http is None
        self._closed = threading.Event()
        self._batch_is_offered = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections. Calls in other threads end with `ClientClosed` or `ConnectionFailed`."""
        self._closed.set()
        if self._owns_http:
            self._http.close()

    def classify(self, source: PhotoSource | Photo, *, lane: Lane | None = None, is_missed: bool = False) -> Answer:
        """Return the answer to a photo: asked for by its hashes, uploaded if it is not known.

        `lane="deferred"` asks at the vendor's reduced price, which takes longer. `is_missed`: `check` has just said
        that it is not known. Raises `ClassifierError`.
        """
        photo = source if isinstance(source, Photo) else Photo.of(source)
        return self._run(classify_flow(photo, self.options, lane, is_missed=is_missed))

    def check(self, names: Names) -> Answer | None:
        """Return the answer to a photo if it is known, without uploading it. Raises `ClassifierError`."""
        return self._run(check_flow(names, self.options))

    def check_many(self, many: Sequence[Names], *, concurrency: int = DEFAULT_CONCURRENCY) -> list[Checked]:
        """Return for each photo its answer, None where it is not known, or an error of its own.

        Asks for 200 at a time; one by one where the server is of a version that lacks that call. Raises
        `ClassifierError` where nothing could be asked.
        """
        found: list[Checked] = []
        for start in range(0, len(many), MAX_BATCH):
            found += self._check_some(many[start : start + MAX_BATCH], concurrency)
        return found

    def classify_many(
        self,
        sources: Iterable[PhotoSource],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        lane: Lane | None = None,
        on_done: OnDone | None = None,
    ) -> list[Outcome]:
        """Return what came of each photo, in their order. So many are under way at a time, and no more are read ahead.

        `on_done` is called for one photo at a time, in one of the threads. On Ctrl-C what is under way is finished.
        """

        def outcome(source: PhotoSource) -> Outcome:
            try:
                return Outcome(source, self.classify(source, lane=lane), None)
            except ClassifierError as error:
                return Outcome(source, None, error)

        return in_threads(sources, outcome, concurrency, on_done)

    def _check_some(self, many: Sequence[Names], concurrency: int) -> list[Checked]:
        if self._batch_is_offered:
            try:
                return self._run(check_batch_flow(many, self.options))
            except NotOffered:
                self._batch_is_offered = False
        return in_threads(many, self._check_or_error, concurrency)

    def _check_or_error(self, names: Names) -> Checked:
        try:
            return self.check(names)
        except ClassifierError as error:
            return error

    def _run(self, flow: Flow[Value]) -> Value:
        """Do what the flow says until it has a value."""
        try:
            step = next(flow)
            while True:
                step = flow.send(self._do(step))
        except StopIteration as end:
            value: Value = end.value
            return value
        finally:
            flow.close()

    def _do(self, step: Step) -> Reply:
        if self._closed.is_set():
            raise ClientClosed("The client is closed.")
        match step:
            case Send():
                return self._send(step)
            case Pause(seconds):
                if self._closed.wait(seconds):
                    raise ClientClosed("The client was closed.")
                return None
            case Compute(function):
                return function()

    def _send(self, step: Send) -> Response | ConnectionFailed:
        end = time.monotonic() + step.seconds
        request = self._http.build_request(
            "POST",
            step.request.url,
            headers=headers_of(step.request),
            content=_until(end, slices(step.request.body)),
            timeout=timeout_of(step.seconds, self.options.limits.connect_seconds),
        )
        try:
            answered = self._http.send(request, stream=True, follow_redirects=False)
            try:
                collected = Collected()
                for piece in _until(end, answered.iter_raw()):
                    collected.add(piece)
            finally:
                answered.close()
            return collected.response(answered)
        except httpx.TransportError as error:
            return failure_of(error)
        except ConnectionFailed as error:
            return error
        except RuntimeError:
            if self._closed.is_set():  # httpx says so by this class
                raise ClientClosed("The client was closed.") from None
            raise


def _until(end: float, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces as long as there is time. httpx's own limits are for each piece, and a slow line has many.

    Raises `TimedOut`.
    """
    for piece in pieces:
        if time.monotonic() > end:
            raise no_time_left()
        yield piece
