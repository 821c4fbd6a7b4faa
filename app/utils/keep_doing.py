"""Work that is done again and again for as long as the process lives."""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger

from app.errors import ServiceError


async def keep_doing(work: Callable[[], Awaitable[object]], pause: Callable[[], float], name: str) -> None:
    """Do `work` after each pause, whose length in seconds `pause` returns. A failure is logged and ends nothing.

    Runs until it is cancelled. `name` says in the log what failed.
    """
    while True:
        await asyncio.sleep(pause())
        try:
            await work()
        except ServiceError as error:
            logger.warning("background work postponed", work=name, code=error.code, detail=error.detail)
        except Exception:
            logger.exception("background work failed", work=name)
