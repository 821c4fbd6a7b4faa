"""What can be said of Redis by asking it. The service works without it: nothing here is worse than a warning."""

from collections.abc import Mapping
from time import perf_counter
from urllib.parse import urlsplit

from app.cli.doctor.finding import Finding
from app.config import Settings
from app.observe.metrics import Metrics
from app.services.cache.errors import RedisAway

_PROBES = 5


async def examine_redis(settings: Settings) -> list[Finding]:
    """Ask Redis whether it can be used, if there is one."""
    if settings.redis_url is None:
        return []
    from app.services.cache.redis_link import RedisLink  # here for its import, as where the service is built

    parts = urlsplit(settings.redis_url.get_secret_value())
    place = f"{parts.hostname}:{parts.port or 6379}"
    link = RedisLink(settings.redis_url.get_secret_value(), settings.redis_timeout_seconds, Metrics())
    try:
        await link.probe()
        began = perf_counter()
        for _ in range(_PROBES):
            await link.get_many(["photos:probe"])
        milliseconds = (perf_counter() - began) * 1000 / _PROBES
        return [_judge(await link.fetch_facts(), f"{place} answers in {milliseconds:.1f} ms")]
    except RedisAway as error:
        said = f"{place}: {error.detail}: look-ups go to MySQL alone"
        return [Finding("redis", "warning", said, "REDIS_URL, its password, or REDIS_TIMEOUT_SECONDS where it is slow")]
    finally:
        await link.close()


def _judge(facts: Mapping[str, str], said: str) -> Finding:
    if facts.get("role") == "slave":
        return Finding("redis", "warning", f"{said}, and takes no writes: it is a replica", "REDIS_URL of its primary")
    if facts.get("maxmemory_policy") == "noeviction":
        said += ", and takes nothing new once its memory is full"
        return Finding("redis", "warning", said, "maxmemory and maxmemory-policy allkeys-lru in redis.conf")
    return Finding("redis", "ok", f"{said}, version {facts.get('redis_version', 'unknown')}")
