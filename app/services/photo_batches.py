"""Many photos in one call. Each is answered, recorded and paid for as in a call of its own. What they share is what all
calls of one moment do: one statement that looks up, one commit that records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from loguru import logger

from app.errors import InternalError, ServiceError
from app.models.domain import KnownAnswer
from app.services.classifier import ClassifierService, NamedPhoto

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PhotoBatches:
    """Answers for many photos, one answer or error for each."""

    classifier: ClassifierService

    async def check_cache(self, photos: Sequence[NamedPhoto | ServiceError]) -> list[KnownAnswer | ServiceError | None]:
        """Return what is known of each photo, in order; None where it has to be uploaded.

        An error in place of a photo comes back in its place. Raises `DatabaseUnavailable`, `Overloaded` where none of
        the photos can be answered.
        """
        named = [photo for photo in photos if not isinstance(photo, ServiceError)]
        found = [as_result(outcome) for outcome in await self.classifier.check_cache_all(named)]
        if found and isinstance(found[0], ServiceError) and all(isinstance(one, ServiceError) for one in found):
            raise found[0]
        answers = iter(found)
        return [photo if isinstance(photo, ServiceError) else next(answers) for photo in photos]


def as_result(outcome: T | BaseException) -> T | ServiceError:
    """Return an outcome, its failure as one that can be told. What nobody expected is logged; what ends the process's
    work is raised."""
    if not isinstance(outcome, BaseException) or isinstance(outcome, ServiceError):
        return outcome
    if not isinstance(outcome, Exception):
        raise outcome
    logger.opt(exception=outcome).error("unexpected error")
    return InternalError()
