"""Keeps an issuer's keys as they are now: reads them in time, and at once when a token names one that is not known.

One task reads, so that there is one fetch at a time; requests whose key is known never wait for it.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from loguru import logger

from app.observe.metrics import Metrics
from app.services.access.errors import SignInUnavailable
from app.services.access.key_set import KeySet, TokenKey
from app.services.access.key_sources import KeysUnreadable
from app.utils.events import is_set_within

LEAST_SECONDS_BETWEEN = 3.0
"""From one fetch to the next, whatever tokens name: anybody can send one that names an unknown key."""

RETRY_SECONDS = 10.0
_MOST_WAITING = 200
_WAIT_SECONDS = 15.0
"""Above what a request may have to wait: the fetch under way, the pause behind it, and one fetch more."""


class KeySource(Protocol):
    """Where keys are read."""

    async def read(self) -> bytes:
        """Return the keys as they are there. Raises `KeysUnreadable`."""
        ...


class CurrentKeys:
    """The keys of an issuer. `run_forever` has to be running for them to be there."""

    def __init__(
        self,
        source: KeySource,
        parse: Callable[[bytes], KeySet],
        metrics: Metrics,
        *,
        refresh_seconds: float,
        stale_seconds: float,
        least_seconds_between: float = LEAST_SECONDS_BETWEEN,
    ) -> None:
        self._source = source
        self._parse = parse
        self._metrics = metrics
        self._refresh_seconds = refresh_seconds
        self._stale_seconds = stale_seconds
        self._least_seconds_between = least_seconds_between
        self._keys: KeySet | None = None
        self._read_at: float | None = None
        self._failed = False
        self._begun = self._ended = 0
        self._end = asyncio.Event()
        self._wanted = asyncio.Event()
        self._waiting = 0
        self.on_change: Callable[[KeySet | None], None] = lambda _keys: None
        """Told of the keys whenever they have been read, and when they are good no longer (None)."""

    @property
    def age_seconds(self) -> float:
        """How long ago the keys were read; 0 before they were."""
        return 0 if self._read_at is None else asyncio.get_running_loop().time() - self._read_at

    def find_known(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        """Return the keys that a token may be signed by, as far as they are known."""
        return () if self._keys is None else self._keys.find(key_id, algorithm)

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        """Return the keys that a token may be signed by; if none is known, by a fetch that began after this was asked.

        Raises `SignInUnavailable` where that could not be found out.
        """
        keys = self.find_known(key_id, algorithm)
        if keys:
            return keys
        if self._failed:
            self._wanted.set()
            raise SignInUnavailable(retry_after_seconds=math.ceil(self._least_seconds_between))
        if self._waiting >= _MOST_WAITING:
            raise SignInUnavailable(detail="too many requests wait for the issuer's keys")
        self._waiting += 1
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                return await self._find_after_fetch(key_id, algorithm)
        except TimeoutError:
            raise SignInUnavailable(detail="the issuer's keys were not read in time") from None
        finally:
            self._waiting -= 1

    async def run_forever(self) -> None:
        """Read the keys again and again."""
        loop = asyncio.get_running_loop()
        while True:
            self._wanted.clear()
            self._begun += 1
            began = loop.time()
            await self._fetch()
            self._ended += 1
            self._end.set()
            self._end = asyncio.Event()
            await asyncio.sleep(began + self._least_seconds_between - loop.time())
            pause = min(RETRY_SECONDS, self._refresh_seconds) if self._failed else self._refresh_seconds
            await is_set_within(self._wanted, pause)

    async def _find_after_fetch(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        first = self._ended + 1 if self._keys is None else self._begun + 1
        self._wanted.set()
        while True:
            await self._end.wait()
            keys = self.find_known(key_id, algorithm)
            if keys:
                return keys
            if self._ended >= first:
                if self._failed:
                    raise SignInUnavailable
                return ()

    async def _fetch(self) -> None:
        try:
            keys = self._parse(await self._source.read())
        except (KeysUnreadable, ValueError) as error:
            self._fail(str(error))
        except Exception:  # else nobody would read them ever again
            logger.exception("unexpected error while reading the keys for sign-in")
            self._fail("unexpected error")
        else:
            self._metrics.key_fetches.add("read")
            if self._failed or self._keys is None or keys.names != self._keys.names:
                logger.info("the keys for sign-in were read", keys=len(keys.keys))
            self._failed, self._read_at = False, asyncio.get_running_loop().time()
            self._change(keys)

    def _fail(self, reason: str) -> None:
        self._metrics.key_fetches.add("failed")
        if not self._failed:  # once for each outage
            logger.warning("the keys for sign-in cannot be read", reason=reason, known=self._keys is not None)
        self._failed = True
        if self._keys is not None and self.age_seconds > self._stale_seconds:
            logger.error("the keys for sign-in are too old: no token is good any more")
            self._change(None)

    def _change(self, keys: KeySet | None) -> None:
        self._keys = keys
        self.on_change(keys)
