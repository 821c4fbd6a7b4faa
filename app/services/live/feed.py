"""The live feed: read once a second while anybody follows it, and told to all who do."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from time import thread_time

from loguru import logger

from app.errors import DatabaseUnavailable, InternalError, Overloaded, ServiceError
from app.models.live import LivePoint, LiveSnapshot, LiveState, LiveStatistics
from app.services.live.errors import TooManyStreams
from app.utils.events import is_set_within

MAX_STREAMS = 20
"""Of a process."""

_REFUSED_RETRY_SECONDS = 5
_ENDING = "the process is about to end"


class Signal(Enum):
    """What is told when there is nothing to tell."""

    ALIVE = "alive"
    END = "end"


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What is there now. `points` are those that may have changed, the oldest first."""

    snapshot: LiveSnapshot
    points: tuple[LivePoint, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nothing can be read for the time being: what was told last is out of date."""

    code: str


Message = Update | Trouble | Signal


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are done, in seconds."""

    tick: float = 1.0
    longest_pause: float = 5.0
    """Between two reads of a process that has much else to do."""

    longest_read: float = 10.0
    """After so long those who follow are told that there is trouble."""

    share: float = 0.05
    """The part of the time that reads may take: where there is much to answer, there is much to add up as well."""

    heartbeat: float = 15.0
    stream: float = 15 * 60.0
    """After so long a stream ends by itself."""

    linger: float = 30.0
    """After a single question reads go on for so long: who asks every few seconds finds an answer."""

    def pause_after(self, took: float) -> float:
        """Return how long nothing is read after a read that took so much processor time, with what came between."""
        return min(max(self.tick, took / self.share), self.longest_pause)


@dataclass(frozen=True, slots=True)
class _Event:
    """What was published: the whole of it, and what is new in it, each once for all streams."""

    number: int
    whole: Update
    news: Update


@dataclass(slots=True)
class LiveFeed:
    """Reads while somebody follows or has just asked, at most once a second, and hands the same to all.

    A stream has no queue: when it has sent an event it looks for the latest, and gets all points where it missed one.
    """

    read_statistics: Callable[[], Awaitable[LiveStatistics]]
    read_state: Callable[[], Awaitable[LiveState]]
    pace: Pace = Pace()
    max_streams: int = MAX_STREAMS
    streams: int = 0
    """How many are open."""

    _ticker: asyncio.Task[None] | None = None
    _wanted_until: float = 0.0
    _latest: LiveSnapshot | None = None
    _event: _Event | None = None
    _trouble: ServiceError | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: bool = False

    @property
    def is_reading(self) -> bool:
        """Whether it reads again and again."""
        return self._ticker is not None and not self._ticker.done()

    async def fetch(self) -> LiveSnapshot:
        """Return what was read last.

        Raises `DatabaseUnavailable`, `StatisticsNotBuilt`, and `Overloaded` while the process ends.
        """
        self._wanted_until = asyncio.get_running_loop().time() + self.pace.linger
        self._start()
        while self._latest is None or self._trouble is not None:
            if self._ended:
                raise Overloaded(detail=_ENDING)
            if self._trouble is not None:
                raise type(self._trouble)(detail=self._trouble.detail)
            await self._news.wait()
        return self._latest

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for a stream. Raises `TooManyStreams`, and `Overloaded` while the process ends."""
        if self._ended:
            raise Overloaded(detail=_ENDING)
        if self.streams >= self.max_streams:
            raise TooManyStreams(retry_after_seconds=_REFUSED_RETRY_SECONDS)
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    async def follow(self, seconds: float | None = None) -> AsyncGenerator[Message, None]:
        """Yield what there is to tell until the stream has lasted long enough, or the process ends. Needs a place.

        `seconds` is how long the one who follows may, where that is limited.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + min(self.pace.stream, math.inf if seconds is None else seconds)
        seen, told = None, None
        self._start()
        while not self._ended and (left := end - loop.time()) > 0:
            news = self._news
            if (code := self._trouble.code if self._trouble else None) != told:
                told = code
                if code:
                    yield Trouble(code)
            elif (event := self._event) is not None and event is not seen and not code:
                in_turn = seen is not None and event.number == seen.number + 1
                seen = event
                yield event.news if in_turn else event.whole
            elif not await is_set_within(news, min(self.pace.heartbeat, left)) and left > self.pace.heartbeat:
                yield Signal.ALIVE
        yield Signal.END

    def end(self) -> None:
        """Let all streams end, for good."""
        self._ended = True
        self._tell()

    async def close(self) -> None:
        """End streams, and reading."""
        self.end()
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.wait([self._ticker])

    def _start(self) -> None:
        if not self.is_reading:
            self._latest = self._event = self._trouble = None
            self._ticker = asyncio.create_task(self._read_while_wanted())

    async def _read_while_wanted(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._ended and (self.streams or loop.time() < self._wanted_until):
            began = thread_time()  # not what other programs take of the machine
            await self._read()
            await asyncio.sleep(self.pace.pause_after(thread_time() - began))

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self.pace.longest_read):
                snapshot = LiveSnapshot(await self.read_statistics(), await self.read_state())
        except ServiceError as error:
            self._begin_trouble(error)
        except TimeoutError:
            self._begin_trouble(DatabaseUnavailable(detail="the live feed could not be read in time"))
        except Exception:
            if self._trouble is None:  # one line, not one a second
                logger.exception("the live feed cannot be read")
            self._begin_trouble(InternalError())
        else:
            self._publish(snapshot)

    def _begin_trouble(self, error: ServiceError) -> None:
        if self._trouble is None or self._trouble.code != error.code:
            logger.warning("the live feed pauses", code=error.code, detail=error.detail)
            self._trouble = error.with_traceback(None)
            self._tell()

    def _publish(self, snapshot: LiveSnapshot) -> None:
        """Keep what was read, and tell it if it is new."""
        before, self._latest = self._latest, snapshot
        had_trouble, self._trouble = self._trouble is not None, None
        if had_trouble:
            logger.info("the live feed goes on")
        known = set(before.statistics.points) if before else set()
        news = tuple(point for point in snapshot.statistics.points if point not in known)
        if news or had_trouble or before is None or _beside_points(snapshot) != _beside_points(before):
            number = self._event.number + 1 if self._event else 0
            self._event = _Event(number, Update(snapshot, snapshot.statistics.points), Update(snapshot, news))
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _beside_points(snapshot: LiveSnapshot) -> tuple[object, ...]:
    return snapshot.statistics.today, snapshot.state
