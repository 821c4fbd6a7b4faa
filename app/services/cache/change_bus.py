"""Lets processes look for changes at once, and not only at the next second. What has changed the database says."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import Protocol

from app.services.cache.errors import RedisAway
from app.utils.keep_doing import keep_doing

_LEAST_SECONDS = 0.2
"""Between two looks of a process: many changes at once are heard of together."""

_RETRY_SECONDS = 1.0


class Channels(Protocol):
    """Messages to whoever listens. Both methods raise `RedisAway`."""

    async def publish(self, channel: str) -> None:
        """Wake whoever listens on a channel."""
        ...

    def listen(self, channel: str) -> AsyncGenerator[None]:
        """Yield after each message on a channel."""
        ...


class ChangeBus:
    """Wakes the other processes of a deployment. A message may be lost: they look every second all the same."""

    def __init__(self, channels: Channels, channel: str) -> None:
        self._channels = channels
        self._channel = channel
        self._woken = asyncio.Event()

    async def tell(self) -> None:
        """Let the other processes look for changes."""
        with suppress(RedisAway):
            await self._channels.publish(self._channel)

    async def hear_forever(self, look: Callable[[], Awaitable[object]]) -> None:
        """Look as soon as another process says that there is something new. Runs until it is cancelled."""
        listening = asyncio.create_task(keep_doing(self._listen, lambda: _RETRY_SECONDS, "listening to Redis"))
        try:
            await keep_doing(partial(self._look_once_woken, look), lambda: _LEAST_SECONDS, "looking for changes")
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def _look_once_woken(self, look: Callable[[], Awaitable[object]]) -> None:
        await self._woken.wait()
        self._woken.clear()
        await look()

    async def _listen(self) -> None:
        with suppress(RedisAway):
            async with aclosing(self._channels.listen(self._channel)) as messages:
                async for _ in messages:
                    self._woken.set()
