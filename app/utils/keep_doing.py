"""Work that is done again and again for as long as the process lives."""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger

from app.errors import ServiceError
from app.utils.events import is_set_within


async def keep_doing(
    work: Callable[[], Awaitable[object]], pause: Callable[[], float], name: str, ended: asyncio.Event | None = None
) -> None:
    """Do `work` after each pause, whose length in seconds `pause` returns. A failure is logged and ends nothing.

    Runs until it is cancelled, or until `ended` is set, which lets work that has begun come to its end. `name` says in
    the log what failed.
    """
    ended = ended or asyncio.Event()
    while not await is_set_within(ended, pause()):
        try:
            await work()
        except ServiceError as error:
            logger.warning("background work postponed", work=name, code=error.code, detail=error.detail)
        except Exception:
            logger.exception("background work failed", work=name)
