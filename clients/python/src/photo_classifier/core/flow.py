"""What is done for a photo, step by step, without doing any of it: ask by hash, upload on a miss, try again.

A flow is a generator. It yields what is to be done and is sent what came of it; `Classifier` and `AsyncClassifier` do
it.
"""

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from photo_classifier.answer import Answer
from photo_classifier.core.reading import Checked, read_batch, read_check, read_upload
from photo_classifier.core.tries import Tries
from photo_classifier.core.wire import Lane, Request, Response, check_batch_request, check_request, upload_request
from photo_classifier.errors import ClassifierError, ConnectionFailed, TimedOut
from photo_classifier.options import Limits, Options
from photo_classifier.photo import Names, Photo
from photo_classifier.shrink import smaller_copy

MAX_BATCH = 200
WAIT_MS = 5_000
"""How long the service is asked to wait for the answer to an upload whose connection was lost."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send this; reply with a `Response` or a `ConnectionFailed`, after at most so many seconds."""

    request: Request
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; reply with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Compute:
    """Call this where it holds up nobody; reply with what it returns."""

    function: Callable[[], bytes]


Step = Send | Pause | Compute
Reply = Response | ConnectionFailed | bytes | None
Value = TypeVar("Value")
Flow = Generator[Step, Reply, Value]


def classify_flow(photo: Photo, options: Options, lane: Lane | None = None, *, is_missed: bool = False) -> Flow[Answer]:
    """Ask for a photo, and upload it where it is not known. `is_missed`: it has just been asked for.

    Raises `ClassifierError`.
    """
    tries = _tries(options.limits, lane)
    if not is_missed:
        known = yield from _checked(photo.names, options, tries)
        if known is not None:
            return known
    data = photo.data
    if options.shrink_above_bytes is not None and len(data) > options.shrink_above_bytes:
        data = yield from _compute(lambda: smaller_copy(photo.data))
    return (yield from _uploaded(data, options, tries, lane))


def check_flow(names: Names, options: Options) -> Flow[Answer | None]:
    """Ask for a photo by its hashes. Raises `ClassifierError`."""
    return (yield from _checked(names, options, _tries(options.limits)))


def check_batch_flow(many: Sequence[Names], options: Options) -> Flow[list[Checked]]:
    """Ask for up to 200 photos by their hashes. Raises `ClassifierError`, `NotOffered` where the server is too old."""
    return (
        yield from _request(
            lambda: check_batch_request(options, many),
            lambda response: read_batch(response, len(many)),
            options.limits.check_seconds,
            _tries(options.limits),
        )
    )


def _checked(names: Names, options: Options, tries: Tries) -> Flow[Answer | None]:
    return (yield from _request(lambda: check_request(options, names), read_check, options.limits.check_seconds, tries))


def _uploaded(data: bytes, options: Options, tries: Tries, lane: Lane | None) -> Flow[Answer]:
    """Upload until there is an answer. After a lost connection the answer is asked for by hash first: where the upload
    had arrived, it is being found out or known already, and is not sent again."""
    names = Names(hashlib.sha256(data).hexdigest())
    seconds = options.limits.deferred_answer_seconds if lane else options.limits.answer_seconds
    tries.begin_request()
    while True:
        try:
            response = yield from _sent(upload_request(options, data, names.image_hash, lane), seconds, tries)
            return read_upload(response, len(data))
        except ConnectionFailed as error:
            yield from _pause(tries.pause_after(error))
            known = yield from _known_meanwhile(names, options, tries)
            if known is not None:
                return known
        except ClassifierError as error:
            yield from _pause(tries.pause_after(error))


def _known_meanwhile(names: Names, options: Options, tries: Tries) -> Flow[Answer | None]:
    """Return the answer to an earlier upload if there is one. Whatever fails here shows in the next upload."""
    request = check_request(options, names, WAIT_MS)
    try:
        return read_check((yield from _sent(request, options.limits.check_seconds, tries)))
    except ClassifierError:
        return None


def _request(
    build: Callable[[], Request], read: Callable[[Response], Value], seconds: float, tries: Tries
) -> Flow[Value]:
    """Send until there is a value. Each try is built anew: a signature is good once."""
    tries.begin_request()
    while True:
        try:
            return read((yield from _sent(build(), seconds, tries)))
        except ClassifierError as error:
            yield from _pause(tries.pause_after(error))


def _sent(request: Request, seconds: float, tries: Tries) -> Flow[Response]:
    left = min(seconds, tries.left())
    if left <= 0:
        raise TimedOut("There was no time left to ask.")
    reply = yield Send(request, left)
    if isinstance(reply, ConnectionFailed):
        raise reply
    assert isinstance(reply, Response)
    return reply


def _pause(seconds: float) -> Flow[None]:
    yield Pause(seconds)


def _compute(function: Callable[[], bytes]) -> Flow[bytes]:
    reply = yield Compute(function)
    assert isinstance(reply, bytes)
    return reply


def _tries(limits: Limits, lane: Lane | None = None) -> Tries:
    return Tries(limits.deferred_total_seconds if lane else limits.total_seconds, limits.max_tries)
