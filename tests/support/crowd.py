"""Many callers of one database, each calling again and again, and what became of their calls."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.database import Database, Sql
from app.errors import DatabaseUnavailable
from tests.support.waiting import until

READ = Sql.same("SELECT SLEEP(0.0201)")
WRITE = Sql.same("DO SLEEP(0.0202)")
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Call:
    """One call: who called, when, how long it took, whether it was answered."""

    caller: int
    begun: float
    seconds: float
    answered: bool


@dataclass
class Crowd:
    """Calls for as long as it is there. Every third call is a transaction."""

    database: Database
    size: int
    calls: list[Call] = field(default_factory=list)
    leaving: bool = False

    @classmethod
    @asynccontextmanager
    async def calling(cls, database: Database, size: int, limit_seconds: float) -> AsyncIterator["Crowd"]:
        """Call until the end of the block; raise TimeoutError if a call is left hanging then."""
        crowd = cls(database, size)
        callers = [asyncio.create_task(crowd._call_forever(number)) for number in range(size)]
        try:
            yield crowd
            crowd.leaving = True
            async with asyncio.timeout(limit_seconds):
                await asyncio.gather(*callers)
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.wait(callers)

    async def until_all_are(self, *, answered: bool, seconds: float) -> None:
        """Wait until each caller has had such an end of a call begun from now on."""
        begin = time.monotonic()

        def callers() -> set[int]:
            return {call.caller for call in self.calls if call.begun >= begin and call.answered is answered}

        await until(lambda: len(callers()) == self.size, seconds)

    async def _call_forever(self, number: int) -> None:
        while not self.leaving:
            begun = time.monotonic()
            answered = await self._call(len(self.calls))
            self.calls.append(Call(number, begun, time.monotonic() - begun, answered))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _call(self, number: int) -> bool:
        try:
            if number % 3:
                await self.database.fetch_all(READ, {})
            else:
                await self.database.commit([(WRITE, {})])
        except DatabaseUnavailable:
            return False
        return True
