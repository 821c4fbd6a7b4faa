"""Turns an uploaded image into the small clean JPEG that a model gets, in a process that can be ended."""

from dataclasses import dataclass
from time import perf_counter

from app.errors import ServiceError
from app.observe.metrics import Metrics
from app.services.images.decoding_pool import DecodingPool
from app.services.images.decoding_process import killed_by
from app.services.images.wire import Job
from app.utils.deadline import Deadline
from app.utils.image_utils import Prepared


@dataclass(frozen=True, slots=True)
class ImagePreparer:
    """Prepares images within the operator's limits."""

    pool: DecodingPool
    job: Job
    metrics: Metrics

    @property
    def is_busy(self) -> bool:
        """Whether images wait for a place."""
        return self.pool.waiting > 0

    async def prepare(self, data: bytes, deadline: Deadline) -> Prepared:
        """Return the image as a model gets it.

        Raises `UnsupportedFormat`, `InvalidImage`, `ImageTooManyPixels`, or `Overloaded` when too many wait or it
        cannot be done before the deadline.
        """
        started = perf_counter()
        try:
            prepared = await self.pool.prepare(self.job, data, deadline)
        except ServiceError as error:
            self.metrics.images_rejected.add(error.code)
            if reason := killed_by(error):
                self.metrics.images_killed.add(reason)
            raise
        self.metrics.images_prepared.add()
        self.metrics.image_seconds.observe(perf_counter() - started)
        return prepared
