"""Another process says that something has changed, and this one looks at once; of many messages now and then."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.services.cache.change_bus import ChangeBus
from app.services.cache.errors import RedisAway


@dataclass
class FakeChannels:
    """Messages that a test sends."""

    messages: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)
    sent: list[str] = field(default_factory=list)
    away: bool = False

    async def publish(self, channel: str) -> None:
        if self.away:
            raise RedisAway("as told")
        self.sent.append(channel)

    async def listen(self, channel: str) -> AsyncGenerator[None]:
        while await self.messages.get():
            yield
        raise RedisAway("as told")


@dataclass
class Looks:
    """Counts the looks, and lets a test wait for them."""

    count: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def look(self) -> None:
        async with self.changed:
            self.count += 1
            self.changed.notify_all()

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.count >= count)


@asynccontextmanager
async def hearing(channels: FakeChannels, looks: Looks) -> AsyncGenerator[None]:
    task = asyncio.create_task(ChangeBus(channels, "c").hear_forever(looks.look))
    yield
    task.cancel()
    await asyncio.wait([task])


async def test_a_message_is_followed_by_a_look_also_after_the_connection_was_lost() -> None:
    channels, looks = FakeChannels(), Looks()
    async with hearing(channels, looks):
        channels.messages.put_nowait(True)
        await looks.reach(1)

        channels.messages.put_nowait(False)
        channels.messages.put_nowait(True)
        await looks.reach(2)


async def test_many_messages_are_few_looks_and_the_last_one_is_heard() -> None:
    channels, looks = FakeChannels(), Looks()
    async with hearing(channels, looks):
        for _ in range(1000):
            channels.messages.put_nowait(True)
        await looks.reach(1)
        assert channels.messages.empty()
        before = looks.count

        channels.messages.put_nowait(True)
        await looks.reach(before + 1)

        assert looks.count <= 3


async def test_a_change_is_told_and_that_nobody_can_hear_it_is_no_failure() -> None:
    channels = FakeChannels()
    bus = ChangeBus(channels, "c")

    await bus.tell()
    channels.away = True
    await bus.tell()

    assert channels.sent == ["c"]
