"""Tables of near matches and of trials that are held in memory."""

import asyncio
from dataclasses import dataclass, field

from app.errors import DatabaseUnavailable
from app.models.near import Neighbour, TrialTotals


@dataclass
class FakeNeighbours:
    """Answers near any photo, as `NearRepository` finds them."""

    near: list[Neighbour] = field(default_factory=list)
    away: bool = False
    asked: list[tuple[bytes, int]] = field(default_factory=list)

    async def find(self, pdq: bytes, max_distance: int) -> list[Neighbour]:
        self.asked.append((pdq, max_distance))
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return self.near


@dataclass
class FakeTrials:
    """The table of trials, as `TrialRepository` sums it up."""

    totals: TrialTotals = field(default_factory=lambda: TrialTotals(0, 0))
    away: bool = False
    reads: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def sum_latest(self, count: int) -> TrialTotals:
        self.reads += 1
        await self.gate.wait()
        if self.away:
            raise DatabaseUnavailable(detail="away")
        return self.totals
