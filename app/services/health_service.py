"""Whether the service can serve, and what is wrong if not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from loguru import logger

from app.database import Database, DatabaseNode
from app.errors import DatabaseMisconfigured, DatabaseNotInitialized, DatabaseRejected, DatabaseUnavailable
from app.services.model.stack.breaker import BreakerModel
from app.services.records.durable_writer import DurableWriter

HealthStatus = Literal["healthy", "degraded", "unhealthy"]
DatabaseState = Literal["connected", "disconnected", "not_initialized", "misconfigured"]


@dataclass(frozen=True, slots=True)
class Health:
    """Specification 3.4. `degraded` still answers much of what is asked; `unhealthy` should be asked nothing."""

    status: HealthStatus
    database: DatabaseState
    model_api: Literal["available", "unavailable"]
    spooled_answers: int
    """Answers whose records wait in this process's spool for the database."""

    nodes: Sequence[DatabaseNode] = ()
    """The database's servers, where there are several."""
    redis: Literal["connected", "bypassed"] | None = None
    """Whether it is asked at the moment: without it all is slower, and nothing else. None where there is none."""

    @property
    def can_serve(self) -> bool:
        return self.status != "unhealthy"


@dataclass(frozen=True, slots=True)
class HealthService:
    """Asks the database with one small query, and the model not at all: its breaker knows what recent calls did."""

    database: Database
    breakers: Sequence[BreakerModel]
    writer: DurableWriter
    network_at_last: bool = False
    """Whether the embedded network answers while all models are away."""

    redis_is_away: Callable[[], bool] | None = None
    """Whether Redis is not asked at the moment; None where there is none."""

    async def check(self) -> Health:
        """Return the present state."""
        database = await self._check_database()
        # With a fallback, one model that answers is enough.
        model_available = not self.breakers or any(breaker.closed for breaker in self.breakers)
        return Health(
            status=self._status(database, model_available),
            database=database,
            model_api="available" if model_available else "unavailable",
            spooled_answers=self.writer.waiting_answers,
            nodes=self.database.nodes,
            redis=self._look_at_redis(),
        )

    def _look_at_redis(self) -> Literal["connected", "bypassed"] | None:
        if self.redis_is_away is None:
            return None
        return "bypassed" if self.redis_is_away() else "connected"

    def _status(self, database: DatabaseState, model_available: bool) -> HealthStatus:
        # What only a person can mend does not pass while records wait: nobody should be sent here meanwhile.
        answers = model_available or self.network_at_last
        if database in ("not_initialized", "misconfigured") or (database == "disconnected" and not answers):
            return "unhealthy"
        # Without the database uploads are answered by the model, and records wait in the spool.
        written = self.writer.waiting_answers == 0 and not self.writer.takes_nothing
        return "healthy" if database == "connected" and model_available and written else "degraded"

    async def _check_database(self) -> DatabaseState:
        try:
            await self.database.check()
        except DatabaseNotInitialized as error:
            logger.error("database not initialized", detail=error.detail)
            return "not_initialized"
        except (DatabaseMisconfigured, DatabaseRejected) as error:
            logger.error("database misconfigured", detail=error.detail)
            return "misconfigured"
        except DatabaseUnavailable as error:
            logger.error("database unavailable", detail=error.detail)
            return "disconnected"
        return "connected"
