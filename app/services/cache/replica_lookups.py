"""Look-ups of those who decide nothing by them, on replicas of the database."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.errors import ServiceError
from app.models.domain import KnownAnswer
from app.observe.metrics import Metrics
from app.services.cache.known_changes import KnownChanges


class ReplicaAnswers(Protocol):
    """The table of answers on a replica. Raises `DatabaseUnavailable`."""

    async def fetch_as_of(self, names: Sequence[str]) -> tuple[int, Mapping[str, KnownAnswer]]:
        """Return the number of the last change of answers that the server has seen, and what is known by these names,
        both as of the same moment."""
        ...


class ReplicaLookups:
    """Reads answers from replicas, where they have seen every change that this process knows of.

    One that has not may still have an answer that an operator has changed: what it says is not used.
    """

    def __init__(self, answers: ReplicaAnswers, known: KnownChanges, metrics: Metrics) -> None:
        self._answers = answers
        self._known = known
        self._metrics = metrics

    async def read(self, names: Sequence[str]) -> Mapping[str, KnownAnswer]:
        """Return what a replica has of these names that holds, as far as is known of changes."""
        number = self._known.number
        if number is None:
            return {}
        try:
            seen, found = await self._answers.fetch_as_of(names)
        except ServiceError:
            self._count("bypassed", len(names))
            return {}
        if seen < number:
            self._count("behind", len(names))
            return {}
        self._count("hit", len(found))
        self._count("miss", len(names) - len(found))
        return found

    def _count(self, result: str, amount: int) -> None:
        if amount:
            self._metrics.replica_lookups.add(result, amount=amount)
