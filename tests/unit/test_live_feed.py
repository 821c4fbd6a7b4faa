"""The live feed reads while somebody follows, tells all of them the same, and says when it cannot read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from loguru import logger

from app.errors import DatabaseUnavailable, Overloaded, StatisticsNotBuilt
from app.models.live import POINTS, LivePoint, LiveState, LiveStatistics, point_starts, points_at
from app.models.statistics import TodayStatistics
from app.services.live.errors import TooManyStreams
from app.services.live.feed import LiveFeed, Message, Pace, Signal, Trouble, Update
from tests.support.waiting import until

NOON = datetime(2025, 10, 10, 12, 0, 7, tzinfo=UTC)
QUICK = Pace(tick=0.01, longest_pause=0.02, heartbeat=5, linger=0.1)
IDLE = LiveState(0, 0, 0, 0, 0, 0)
NOBODY = TodayStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass
class FakeSource:
    """What is on record, and what is under way."""

    now: datetime = NOON
    requests: list[tuple[datetime, str, int]] = field(default_factory=list)
    state: LiveState = IDLE
    failure: Exception | None = None
    hangs: bool = False
    reads: int = 0

    async def read_statistics(self) -> LiveStatistics:
        self.reads += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        today = replace(NOBODY, total_requests=sum(number for _, _, number in self.requests))
        return LiveStatistics(self.now, "UTC", points_at(point_starts(self.now), self.requests), today)

    async def read_state(self) -> LiveState:
        return self.state

    def add(self, seconds_ago: float, kind: str = "bytes") -> None:
        starts = point_starts(self.now - timedelta(seconds=seconds_ago))
        self.requests = [*self.requests, (starts[-1], kind, 1)]


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@asynccontextmanager
async def running(source: FakeSource, pace: Pace = QUICK) -> AsyncIterator[LiveFeed]:
    feed = LiveFeed(source.read_statistics, source.read_state, pace)
    try:
        yield feed
    finally:
        await feed.close()


class Follower:
    """A stream, and what it was told."""

    def __init__(self, feed: LiveFeed) -> None:
        self.messages = feed.follow()

    async def next(self) -> Message:
        async with asyncio.timeout(5):
            return await anext(self.messages)

    async def next_update(self) -> Update:
        message = await self.next()
        assert isinstance(message, Update), message
        return message


@asynccontextmanager
async def following(feed: LiveFeed) -> AsyncIterator[Follower]:
    with feed.place():
        follower = Follower(feed)
        yield follower
        await follower.messages.aclose()


async def test_the_first_event_has_all_points_and_the_next_those_that_have_changed(source: FakeSource) -> None:
    async with running(source) as feed, following(feed) as follower:
        assert len((await follower.next_update()).points) == POINTS

        source.add(seconds_ago=0)
        source.add(seconds_ago=300, kind="near")
        update = await follower.next_update()

    starts = point_starts(NOON)
    assert update.points == (LivePoint(starts[-61], near=1), LivePoint(starts[-1], bytes=1))
    assert update.snapshot.statistics.today.total_requests == 2


async def test_who_may_follow_for_a_while_is_told_the_end_after_it(source: FakeSource) -> None:
    loop = asyncio.get_running_loop()
    async with running(source) as feed:
        began = loop.time()
        with feed.place():
            told = [message async for message in feed.follow(0.2)]

        assert 0.2 <= loop.time() - began < 5
        assert isinstance(told[0], Update)
        assert told[-1] is Signal.END
        with feed.place():
            assert [message async for message in feed.follow(-1)] == [Signal.END]


async def test_a_new_point_is_told_though_it_is_empty(source: FakeSource) -> None:
    async with running(source) as feed, following(feed) as follower:
        await follower.next_update()

        source.now += timedelta(seconds=5)

        assert (await follower.next_update()).points == (LivePoint(point_starts(source.now)[-1]),)


async def test_what_is_under_way_is_told_when_it_changes(source: FakeSource) -> None:
    async with running(source) as feed, following(feed) as follower:
        await follower.next_update()

        source.state = replace(IDLE, model_queue=3)
        update = await follower.next_update()

    assert (update.points, update.snapshot.state.model_queue) == ((), 3)


async def test_nothing_is_told_while_nothing_changes_but_that_the_stream_lives(source: FakeSource) -> None:
    async with running(source, replace(QUICK, heartbeat=0.1)) as feed, following(feed) as follower:
        await follower.next_update()
        reads = source.reads

        assert await follower.next() is Signal.ALIVE
        assert source.reads > reads


async def test_one_read_is_for_all_streams(source: FakeSource) -> None:
    async with running(source) as feed, following(feed) as one, following(feed) as two:
        assert await one.next_update() is await two.next_update()
        reads = source.reads
        source.add(seconds_ago=0)
        assert await one.next_update() is await two.next_update()

        assert source.reads - reads <= 2


async def test_a_stream_that_missed_an_event_gets_all_points(source: FakeSource) -> None:
    async with running(source) as feed, following(feed) as slow, following(feed) as quick:
        await slow.next_update(), await quick.next_update()
        for seconds_ago in (0, 100):
            source.add(seconds_ago)
            await quick.next_update()

        update = await slow.next_update()

    assert len(update.points) == POINTS
    assert sum(point.bytes for point in update.points) == 2


async def test_nothing_is_read_while_nobody_follows(source: FakeSource) -> None:
    async with running(source) as feed:
        async with following(feed) as follower:
            await follower.next_update()
        await until(lambda: not feed.is_reading)
        source.add(seconds_ago=0)

        async with following(feed) as follower:  # and not told what was read before
            assert sum(point.bytes for point in (await follower.next_update()).points) == 1


async def test_who_asks_again_and_again_is_answered_from_what_was_read(source: FakeSource) -> None:
    async with running(source, replace(QUICK, tick=60, longest_pause=60)) as feed:
        snapshots = [await feed.fetch() for _ in range(10)]

    assert snapshots == [snapshots[0]] * 10
    assert source.reads == 1


async def test_trouble_is_told_once_and_logged_once_and_then_it_goes_on(source: FakeSource) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.record["message"]), level="INFO")
    async with running(source) as feed, following(feed) as follower:
        await follower.next_update()
        source.failure = DatabaseUnavailable(detail="away, as told")
        assert await follower.next() == Trouble("database_unavailable")
        reads = source.reads
        await until(lambda: source.reads > reads + 5)
        source.add(seconds_ago=0)
        source.failure = None

        update = await follower.next_update()
    logger.remove(sink)

    assert [point.bytes for point in update.points] == [1]
    assert lines == ["the live feed pauses", "the live feed goes on"]


async def test_who_comes_during_trouble_hears_of_it(source: FakeSource) -> None:
    source.failure = StatisticsNotBuilt()
    async with running(source) as feed:
        async with following(feed) as follower:
            assert await follower.next() == Trouble("statistics_not_built")
        with pytest.raises(StatisticsNotBuilt):
            await feed.fetch()


async def test_a_defect_is_trouble_and_one_entry_of_the_log(source: FakeSource) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.record["message"]), level="WARNING")
    source.failure = ZeroDivisionError()
    async with running(source) as feed, following(feed) as follower:
        assert await follower.next() == Trouble("internal_error")
        await until(lambda: source.reads > 5)
    logger.remove(sink)

    assert lines == ["the live feed cannot be read", "the live feed pauses"]


async def test_a_read_that_hangs_is_trouble(source: FakeSource) -> None:
    source.hangs = True
    async with running(source, replace(QUICK, longest_read=0.05)) as feed, following(feed) as follower:
        assert await follower.next() == Trouble("database_unavailable")


async def test_a_stream_ends_after_its_time(source: FakeSource) -> None:
    async with running(source, replace(QUICK, stream=0.1)) as feed, following(feed) as follower:
        await follower.next_update()
        assert await follower.next() is Signal.END
        with pytest.raises(StopAsyncIteration):
            await follower.next()


async def test_all_streams_end_when_the_process_does(source: FakeSource) -> None:
    async with running(source) as feed, following(feed) as follower:
        await follower.next_update()

        feed.end()

        assert await follower.next() is Signal.END
        with pytest.raises(Overloaded), feed.place():
            pass


async def test_who_asks_while_the_process_ends_does_not_wait_for_ever(source: FakeSource) -> None:
    source.hangs = True
    async with running(source) as feed:
        asking = asyncio.create_task(feed.fetch())
        await until(lambda: source.reads == 1)

        feed.end()

        with pytest.raises(Overloaded):
            await asking
        with pytest.raises(Overloaded):
            await feed.fetch()


async def test_streams_are_bounded_and_a_place_is_free_at_once(source: FakeSource) -> None:
    async with running(source) as feed:
        with ExitStack() as places:
            for _ in range(feed.max_streams):
                places.enter_context(feed.place())
            with pytest.raises(TooManyStreams) as refused, feed.place():
                pass
            assert refused.value.retry_after_seconds
        with feed.place():
            assert feed.streams == 1


@pytest.mark.parametrize(
    ("took", "pause"), [(0.005, 1.0), (0.1, 2.0), (60, 5.0)], ids=["quick", "a busy process", "for ever"]
)
def test_reads_take_no_more_than_their_share_of_the_time(took: float, pause: float) -> None:
    assert Pace().pause_after(took) == pytest.approx(pause)


def test_points_are_of_five_seconds_and_the_last_is_the_present_one() -> None:
    starts = point_starts(NOON.replace(microsecond=999_999))

    assert (len(starts), starts[-1]) == (POINTS, NOON.replace(second=5))
    assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(seconds=5)}


@pytest.mark.parametrize(
    ("kind", "count"),
    [(kind, lambda point, kind=kind: getattr(point, kind)) for kind in ("bytes", "content", "question", "near")]
    + [("", lambda point: point.paid)],
)
def test_requests_count_by_their_kind(kind: str, count: Callable[[LivePoint], int]) -> None:
    starts = point_starts(NOON)

    points = points_at(starts, [(starts[3], kind, 2), (starts[3], kind, 5), (NOON - timedelta(hours=1), kind, 9)])

    assert count(points[3]) == 7
    assert points[:3] + points[4:] == tuple(LivePoint(start) for start in starts if start != starts[3])


@pytest.mark.parametrize("kind", ["at", "of another version"])
def test_a_kind_of_name_that_is_none_of_ours_counts_nowhere(kind: str) -> None:
    starts = point_starts(NOON)

    assert points_at(starts, [(starts[0], kind, 1)]) == tuple(map(LivePoint, starts))
