"""The bodies of the live feed."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from app.models import examples
from app.models.body import Body, Timestamp, Timezone
from app.models.live import SECONDS_PER_POINT
from app.models.stats_response import TodayStatsData


class LivePointData(Body):
    """The requests of the seconds from `at` on: how their photos were recognised, or that a model was asked."""

    at: Timestamp
    bytes: int = Field(description="The same file", examples=[3])
    content: int = Field(description="The same but for its metadata", examples=[1])
    question: int = Field(description="The model would be asked the same", examples=[0])
    near: int = Field(description="It looks alike", examples=[0])
    paid: int = Field(description="A model was asked", examples=[1])


class LiveStateData(Body):
    """What is under way, in the processes of the machine that answers."""

    uploads_in_progress: int = Field(examples=[2])
    model_calls_in_progress: int = Field(examples=[1])
    model_queue: int = Field(description="Questions that wait for a place", examples=[0])
    breaker_open: int = Field(description="Processes that do not ask a model since it fails", examples=[0])
    spool_rows: int = Field(description="Answers whose records wait on disk for the database", examples=[0])
    outbox_rows: int = Field(
        description="Changes that are not in the sums of the statistics yet; these tell them all the same", examples=[1]
    )


class LiveStatsData(Body):
    """The last quarter of an hour, today's totals, and what is under way."""

    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"] = Field(
        description="What `points` and `today` count: answered requests that are in the log"
    )
    seconds_per_point: int = Field(examples=[SECONDS_PER_POINT])
    points: list[LivePointData] = Field(description="The oldest first; the last is not full yet")
    today: TodayStatsData
    state: LiveStateData


class LiveStatsResponse(Body):
    """The answer of `GET /stats/live`."""

    success: Literal[True] = True
    data: LiveStatsData


LIVE = LiveStatsResponse(
    data=LiveStatsData(
        as_of=datetime(2025, 10, 10, 12, 0, 2, tzinfo=UTC),
        timezone="UTC",
        basis="request_log",
        seconds_per_point=SECONDS_PER_POINT,
        points=[
            LivePointData(at=datetime(2025, 10, 10, 12, 0, tzinfo=UTC), bytes=3, content=1, question=0, near=0, paid=1)
        ],
        today=examples.TODAY.data,
        state=LiveStateData(
            uploads_in_progress=2,
            model_calls_in_progress=1,
            model_queue=0,
            breaker_open=0,
            spool_rows=0,
            outbox_rows=1,
        ),
    )
)
"""An example for the OpenAPI page: of its 180 points it has the last."""
