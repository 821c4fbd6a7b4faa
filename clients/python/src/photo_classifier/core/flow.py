"""What is done for a photo, step by step, without doing any of it: ask by hash, upload on a miss, try again.

A flow is a generator. It yields what is to be done and is sent what came of it; `Classifier` and `AsyncClassifier` do
it.
"""

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
SLOW_BYTES_PER_SECOND = 100_000
"""What a slow line brings, 0.8 Mbit/s: a try of an upload has the time that its file takes at that, and then more."""


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

    function: Callable[[], Photo]


Step = Send | Pause | Compute
Reply = Response | ConnectionFailed | Photo | None
Value = TypeVar("Value")
Flow = Generator[Step, Reply, Value]


def classify_flow(photo: Photo, options: Options, lane: Lane | None = None, *, is_missed: bool = False) -> Flow[Answer]:
    """Ask for a photo, and upload it where it is not known. `is_missed`: it has just been asked for.

    Raises `ClassifierError`.
    """
    tries = _tries(options.limits, lane)
    known = None if is_missed else (yield from _checked(photo.names, options, tries))
    if known is not None:
        return known
    if options.shrink_above_bytes is None or len(photo.data) <= options.shrink_above_bytes:
        return (yield from _uploaded(photo, options, tries, lane))
    sent = yield from _compute(lambda: _smaller(photo))
    # The service knows a copy by the copy's own names: of an earlier upload of it the answer is there.
    known = None if sent is photo else (yield from _checked(sent.names, options, tries))
    return known or (yield from _uploaded(sent, options, tries, lane))


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


def _smaller(photo: Photo) -> Photo:
    """Return the photo's smaller copy; itself where there is none."""
    data = smaller_copy(photo.data)
    return photo if data is photo.data else Photo.of(data)


def _uploaded(photo: Photo, options: Options, tries: Tries, lane: Lane | None) -> Flow[Answer]:
    """Upload until there is an answer. After a lost connection the answer is asked for first, until the service says
    that there is none: an upload that had arrived is being answered or known already, and is not sent again."""
    answer_seconds = options.limits.deferred_answer_seconds if lane else options.limits.answer_seconds
    seconds = answer_seconds + len(photo.data) / SLOW_BYTES_PER_SECOND
    may_have_arrived = False
    tries.begin_request()
    while True:
        try:
            if may_have_arrived:
                request = check_request(options, photo.names, WAIT_MS)
                known = read_check((yield from _sent(request, options.limits.check_seconds, tries)))
                if known is not None:
                    return known
                may_have_arrived = False
            request = upload_request(options, photo.data, photo.names.image_hash, lane)
            return read_upload((yield from _sent(request, seconds, tries)), len(photo.data))
        except ClassifierError as error:
            may_have_arrived = may_have_arrived or isinstance(error, ConnectionFailed)
            yield Pause(tries.pause_after(error))


def _request(
    build: Callable[[], Request], read: Callable[[Response], Value], seconds: float, tries: Tries
) -> Flow[Value]:
    """Send until there is a value. Each try is built anew: a signature is good once."""
    tries.begin_request()
    while True:
        try:
            return read((yield from _sent(build(), seconds, tries)))
        except ClassifierError as error:
            yield Pause(tries.pause_after(error))


def _sent(request: Request, seconds: float, tries: Tries) -> Flow[Response]:
    left = min(seconds, tries.left())
    if left <= 0:
        raise TimedOut("There was no time left to ask.")
    reply = yield Send(request, left)
    if isinstance(reply, ConnectionFailed):
        raise reply
    assert isinstance(reply, Response)
    return reply


def _compute(function: Callable[[], Photo]) -> Flow[Photo]:
    reply = yield Compute(function)
    assert isinstance(reply, Photo)
    return reply


def _tries(limits: Limits, lane: Lane | None = None) -> Tries:
    return Tries(limits.deferred_total_seconds if lane else limits.total_seconds, limits.max_tries)
