"""Says in the log, in a line each, what was started and what will not work."""

from loguru import logger

from app.config import Settings
from app.services.health_service import HealthService


async def report_start(settings: Settings, health_service: HealthService) -> None:
    """Log what was started, and what will not work."""
    health = await health_service.check()
    logger.info(
        "started",
        database="mysql" if settings.mysql_host else "sqlite",
        database_state=health.database,
        provider=settings.provider,
        model=settings.primary.model or None,
        fallback=settings.fallback.model if settings.fallback else None,
        local_first=settings.local_first,
        local_fallback=settings.local_fallback,
    )
    if settings.env == "production" and not (settings.key_digests or settings.signing_secrets or settings.signs_in):
        logger.warning("the apps' calls are open to whoever reaches the port (set API_KEYS)")
    if settings.provider == "local":
        logger.warning("no model is configured: the embedded network answers (set LLM_PROVIDER and LLM_API_KEY)")
