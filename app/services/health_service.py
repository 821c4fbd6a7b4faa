"""Whether the service can serve, and what is wrong if not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loguru import logger

from app.database import Database
from app.errors import DatabaseNotInitialized, DatabaseUnavailable
from app.services.model_stack.breaker import BreakerModel

DatabaseState = Literal["connected", "disconnected", "not_initialized"]


@dataclass(frozen=True, slots=True)
class Health:
    """Specification 3.4. `degraded` still serves what is cached; `unhealthy` serves nothing."""

    status: Literal["healthy", "degraded", "unhealthy"]
    database: DatabaseState
    model_api: Literal["available", "unavailable"]

    @property
    def can_serve(self) -> bool:
        return self.status != "unhealthy"


@dataclass(frozen=True, slots=True)
class HealthService:
    """Asks the database with one small query, and the model not at all: its breaker knows what recent calls did."""

    database: Database
    breakers: Sequence[BreakerModel]

    async def check(self) -> Health:
        """Return the present state."""
        database = await self._check_database()
        # With a fallback, one model that answers is enough.
        model_available = not self.breakers or any(breaker.closed for breaker in self.breakers)
        return Health(
            status="unhealthy" if database != "connected" else "healthy" if model_available else "degraded",
            database=database,
            model_api="available" if model_available else "unavailable",
        )

    async def _check_database(self) -> DatabaseState:
        try:
            await self.database.check()
        except DatabaseNotInitialized as error:
            logger.error("database not initialized", detail=error.detail)
            return "not_initialized"
        except DatabaseUnavailable as error:
            logger.error("database unavailable", detail=error.detail)
            return "disconnected"
        return "connected"
