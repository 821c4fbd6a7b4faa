"""Many photos in one call. Each is answered, recorded and paid for as in a call of its own. What they share is what all
calls of one moment do: one statement that looks up, one commit that records."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from loguru import logger

from app.errors import InternalError, MissingImage, ServiceError
from app.models.domain import Answer, KnownAnswer, RequestContext
from app.observe.logs import request_id_variable
from app.services.classifier import ClassifierService, FoundTogether, NamedPhoto
from app.utils.let_go import let_go

T = TypeVar("T")


@dataclass(slots=True)
class UploadedPhoto:
    """An image file of a batch. Its context has a request id of its own."""

    image: bytes
    context: RequestContext
    may_be_deferred: bool = False


@dataclass(frozen=True, slots=True)
class PhotoBatches:
    """Answers for many photos, one answer or error for each."""

    classifier: ClassifierService

    async def check_cache(
        self, photos: Sequence[NamedPhoto | ServiceError], tell: Callable[[list[KnownAnswer | ServiceError | None]], T]
    ) -> T:
        """Return what `tell` makes of what is known of each photo, in order; None where it has to be uploaded.

        An error in place of a photo comes back in its place. Raises `DatabaseUnavailable`, `Overloaded` where none of
        the photos can be answered. `ClassifierService.check_cache_all` says when `tell` runs.
        """
        logged: set[type[Exception]] = set()

        def tell_in_order(found: FoundTogether) -> T:
            results = [as_result(outcome, logged) for outcome in found]
            if (
                results
                and isinstance(results[0], ServiceError)
                and all(isinstance(one, ServiceError) for one in results)
            ):
                raise results[0]
            answers = iter(results)
            return tell([photo if isinstance(photo, ServiceError) else next(answers) for photo in photos])

        named = [photo for photo in photos if not isinstance(photo, ServiceError)]
        return await self.classifier.check_cache_all(named, tell_in_order)

    async def classify(
        self, photos: Sequence[UploadedPhoto]
    ) -> AsyncGenerator[tuple[int, Answer | ServiceError], None]:
        """Yield the place of each photo and its answer, or what it failed with, as they come about.

        All begin at once and wait for the places that all photos wait for, each within a time budget of its own.
        """
        logged: set[type[Exception]] = set()
        tasks = {asyncio.create_task(self._classify(photo, logged)): place for place, photo in enumerate(photos)}
        try:
            while tasks:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in sorted(done, key=tasks.__getitem__):
                    yield tasks.pop(task), task.result()
        finally:
            for task in tasks:
                task.cancel()  # what is being paid for goes on in a task of its own

    async def _classify(self, photo: UploadedPhoto, logged: set[type[Exception]]) -> Answer | ServiceError:
        request_id_variable.set(photo.context.request_id)  # in this task: what is logged of a photo names its record
        if not photo.image:
            return MissingImage("The image is empty.")
        try:
            return await self.classifier.classify(
                photo.image, None, photo.context, may_be_deferred=photo.may_be_deferred
            )
        except Exception as error:
            result = as_result(error, logged)
            let_go(error)
            return result


def as_result(outcome: T | BaseException, logged: set[type[Exception]]) -> T | ServiceError:
    """Return an outcome, its failure as one that can be told. What nobody expected is logged, unless one of its type is
    in `logged`, the batch's; what ends the process's work is raised."""
    if not isinstance(outcome, BaseException) or isinstance(outcome, ServiceError):
        return outcome
    if not isinstance(outcome, Exception):
        raise outcome
    if type(outcome) not in logged:
        logged.add(type(outcome))
        logger.opt(exception=outcome).error("unexpected error")
    return InternalError()
