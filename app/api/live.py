"""The live feed for operators: asked for once, or followed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import lru_cache

from fastapi import APIRouter, Response

from app.api.deps import LiveDep, SecondsAdmittedDep
from app.api.http.caching import NOT_STORED
from app.api.http.doors import ADMIN_ERRORS, ADMIN_ONLY
from app.api.http.event_stream import EventStream
from app.api.http.openapi import document_answer, document_errors
from app.errors import DatabaseUnavailable, Overloaded, StatisticsNotBuilt
from app.models.live_response import LIVE, LiveStatsData, LiveStatsResponse
from app.services.live.errors import TooManyStreams
from app.services.live.feed import LiveFeed, Message, Signal, Trouble, Update

router = APIRouter(
    prefix="/stats/live", tags=["stats"], dependencies=[*ADMIN_ONLY, NOT_STORED], responses={**ADMIN_ERRORS}
)

_BEGINNING = b"retry: 1000\n\n"
_EXAMPLE = f"{_BEGINNING.decode()}event: live\ndata: {LIVE.data.model_dump_json()}\n\n"


@router.get(
    "",
    summary="The last quarter of an hour, today, and what is under way",
    responses={
        **document_answer("180 points of five seconds, and what is beside them", now=LIVE),
        **document_errors(DatabaseUnavailable, StatisticsNotBuilt, Overloaded),
    },
)
async def get_live_stats(live: LiveDep) -> LiveStatsResponse:
    """`points` and `today` are of all processes, as of one moment, at most some seconds ago; `state` is of those that
    share a machine with the one that answers.

    Only logged requests are counted: those of `check-cache` that name no user are not in the log, and nothing is while
    `ENABLE_REQUEST_LOG` is false. After an upgrade from a version without it the feed counts from then on.
    """
    return LiveStatsResponse.model_validate({"data": (await live.fetch()).data})


@router.get(
    "/stream",
    summary="The same as server-sent events, at most once a second",
    response_class=Response,  # so that errors stay JSON on the page
    responses={
        200: {
            "description": "Events, for a quarter of an hour",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "examples": {"live": {"value": _EXAMPLE}}}},
        },
        **document_errors(TooManyStreams, Overloaded),
    },
)
async def stream_live_stats(live: LiveDep, seconds: SecondsAdmittedDep) -> EventStream:
    """`event: live` has the `data` of `GET /stats/live`, with all `points` at first, then with those that may have
    changed since the event before. It comes when something has changed, and with each new point. `event: trouble` has
    the `code` of an error while nothing can be read; it goes on by itself. `event: end` is the last, after a quarter
    of an hour, when the time of the caller's token is over, or when the process ends: ask again. After 15 seconds
    without an event there is a comment.

    A process has up to 20 streams. A browser's `EventSource` can send no key: read it by `fetch`.
    """
    return EventStream(live.place(), _texts(live, seconds))


async def _texts(live: LiveFeed, seconds: float | None) -> AsyncGenerator[bytes, None]:
    yield _BEGINNING
    async with aclosing(live.follow(seconds)) as messages:
        async for message in messages:
            yield _text_of(message)


@lru_cache(maxsize=8)
def _text_of(message: Message) -> bytes:
    """Return a message as an event, written once for all streams."""
    match message:
        case Update():
            data = LiveStatsData.model_validate({**message.snapshot.data, "points": message.points})
            return b"event: live\ndata: " + data.__pydantic_serializer__.to_json(data) + b"\n\n"
        case Trouble(code):
            return f'event: trouble\ndata: {{"code": "{code}"}}\n\n'.encode()
        case Signal.ALIVE:
            return b": alive\n\n"
        case Signal.END:
            return b"event: end\ndata: {}\n\n"
