"""Which of several servers is the primary: found by what each says of itself, and again after a failover.

`docs/decisions/0028-cluster.md` says more.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from loguru import logger

from app.database import DatabaseNode
from app.drivers.mysql_connect import MySQLAddress
from app.drivers.mysql_node import SILENT, Node, Sighting
from app.errors import DatabaseMisconfigured, DatabaseUnavailable, ServiceError
from app.utils.events import is_set_within
from app.utils.keep_doing import keep_doing

_LOOK_SECONDS = 0.5
"""How long one server may keep the others' answers from being acted on."""

_CALM_PAUSE_SECONDS = 2.0
_TROUBLED_PAUSE_SECONDS = 0.2
_LEAST_PAUSE_SECONDS = 0.1
_PATIENCE_SECONDS = 1.5
"""How long the first callers wait for a primary: where all are busy, a first look at a server may take too long."""


def without_expelled(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Return the sightings, with `recovering` for those that hold themselves for the primary of a group where more
    members say it is another one: they were asleep, and do not know yet that they were expelled."""
    votes = Counter((sighting.group, primary) for sighting in sightings for primary in sighting.primaries)

    def is_outvoted(sighting: Sighting) -> bool:
        own = votes[sighting.group, sighting.member_id or ""]
        return any(number > own for (group, _), number in votes.items() if group == sighting.group)

    return [
        replace(sighting, role="recovering") if sighting.role == "primary" and is_outvoted(sighting) else sighting
        for sighting in sightings
    ]


def choose_primary(sightings: Sequence[Sighting]) -> int | None:
    """Return which of the servers is the primary, None if none is: in a group with several primaries, the first.

    Raises `DatabaseMisconfigured` where several take writes that are not of one group.
    """
    claimants = [number for number, sighting in enumerate(sightings) if sighting.role == "primary"]
    if not claimants:
        return None
    groups = {sightings[number].group for number in claimants}
    if len(claimants) > 1 and (len(groups) > 1 or "" in groups):
        raise DatabaseMisconfigured(detail="several servers take writes, set super_read_only on all but the primary")
    return claimants[0]


class PrimaryFinder:
    """Looks at all servers every two seconds; five times a second while there is no primary or somebody doubts it.

    With one server there is nothing to be found: that is it, whatever it says.
    """

    def __init__(self, addresses: Sequence[MySQLAddress], moved: Callable[[], None]) -> None:
        """`moved` is called when the primary is another one, or none, from now on."""
        self._nodes = [Node(address) for address in addresses]
        self._moved = moved
        self._sightings = [SILENT for _ in addresses]
        self._primary: MySQLAddress | None = None if self.has_choice else addresses[0]
        self._ambiguity: str | None = None
        self._is_calm = False
        self._doubt = asyncio.Event()
        self._doubt.set()
        self._first_looks = asyncio.Event()
        """Set when the primary was found, or has not been found for so long that callers need not wait."""
        self._next_look = asyncio.Event()
        """Set at the end of the look that begins next."""
        self._patient_until = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def has_choice(self) -> bool:
        """Whether there are several servers."""
        return len(self._nodes) > 1

    @property
    def nodes(self) -> list[DatabaseNode]:
        """What the servers were when they were last looked at; of one alone nothing is known."""
        pairs = zip(self._nodes, self._sightings, strict=True)
        return [DatabaseNode(node.address.name, sighting.role) for node, sighting in pairs if self.has_choice]

    def start(self) -> None:
        """Begin to look, where there are several servers."""
        if self.has_choice:
            self._patient_until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
            self._task = asyncio.create_task(
                keep_doing(self._look_when_due, lambda: _LEAST_PAUSE_SECONDS, "looking for the primary")
            )

    async def close(self) -> None:
        """End looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await asyncio.gather(*(node.close() for node in self._nodes))

    async def find(self) -> MySQLAddress:
        """Return the primary, after the first looks without delay. Raises `DatabaseUnavailable` while there is none."""
        if self.has_choice:
            await self._first_looks.wait()
        if self._primary is None:
            raise self._absence()
        return self._primary

    def doubt(self) -> None:
        """Look at once: somebody had trouble with the primary."""
        self._doubt.set()

    async def look_again(self) -> None:
        """Look at once, and return when that is done."""
        if self.has_choice:
            self._doubt.set()
            await self._next_look.wait()

    async def _look_when_due(self) -> None:
        await is_set_within(self._doubt, _CALM_PAUSE_SECONDS if self._is_calm else _TROUBLED_PAUSE_SECONDS)
        self._doubt.clear()
        ended, self._next_look = self._next_look, asyncio.Event()
        before = self._sightings
        seen = await asyncio.gather(*(node.look(_LOOK_SECONDS) for node in self._nodes))
        self._sightings = without_expelled(seen)
        self._tell_of_refusals(before)
        self._decide()
        ended.set()
        may_still_answer = SILENT in self._sightings and asyncio.get_running_loop().time() < self._patient_until
        if self._is_calm or not may_still_answer:
            self._first_looks.set()

    def _tell_of_refusals(self, before: Sequence[Sighting]) -> None:
        """Log why a server refuses us: while another is the primary, it would be known at a failover, and too late."""
        for node, earlier, now in zip(self._nodes, before, self._sightings, strict=True):
            if now.role == "refused" and earlier.role != "refused" and now.error is not None:
                logger.warning("a server cannot be used", server=node.address.name, detail=now.error.detail)

    def _decide(self) -> None:
        try:
            chosen, self._ambiguity = choose_primary(self._sightings), None
        except DatabaseMisconfigured as error:
            chosen, self._ambiguity = None, error.detail
        self._is_calm = chosen is not None
        if chosen is not None:
            self._move_to(self._nodes[chosen].address)
        elif self._ambiguity or not self._may_still_be_there():
            self._move_to(None)

    def _may_still_be_there(self) -> bool:
        """Whether the last primary has said nothing. Then callers find out by themselves, as they do with one server:
        it may have been slow, and until another is elected it is nobody else's turn."""
        return any(
            node.address is self._primary and sighting.role in ("unreachable", "refused")
            for node, sighting in zip(self._nodes, self._sightings, strict=True)
        )

    def _move_to(self, primary: MySQLAddress | None) -> None:
        if primary is self._primary:
            return
        before, self._primary = self._primary, primary
        names = {"primary": primary and primary.name, "before": before and before.name}
        if primary is None:
            logger.warning("there is no primary", **names, nodes=self._told())
        else:
            logger.info("the primary was found", **names)
        self._moved()

    def _told(self) -> str:
        return ", ".join(f"{node.address} {node.role}" for node in self.nodes)

    def _absence(self) -> ServiceError:
        """Return why there is no primary: what a person has to mend, if there is such a thing."""
        if self._ambiguity is not None:
            return DatabaseMisconfigured(detail=f"{self._ambiguity}: {self._told()}")
        for node, sighting in zip(self._nodes, self._sightings, strict=True):
            if sighting.role == "refused" and sighting.error is not None:
                return type(sighting.error)(detail=f"{node.address.name}: {sighting.error.detail}")
        return DatabaseUnavailable(detail=f"no server takes writes: {self._told()}")
