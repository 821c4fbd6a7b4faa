"""What can be said of the replicas by asking them. The service works without them: nothing is worse than a warning."""

from app.cli.doctor.finding import Finding
from app.config import Settings
from app.drivers.build import open_replica
from app.drivers.server_names import Server, written
from app.errors import ServiceError
from app.repositories.server_repository import ServerRepository


async def examine_replicas(settings: Settings) -> list[Finding]:
    """Ask each of MYSQL_READ_HOSTS what it is."""
    return [await _examine(settings, server) for server in settings.mysql_replicas]


async def _examine(settings: Settings, server: Server) -> Finding:
    place = written(server)
    database = await open_replica(settings, server)
    try:
        facts = await ServerRepository(database).fetch_facts()
    except ServiceError as error:
        said = f"{place}: {error.detail or error.message}: the primary is read in its place"
        return Finding("replica", "warning", said, "MYSQL_READ_HOSTS, or what is said here")
    finally:
        await database.close()
    if facts.takes_writes:
        said = f"{place} takes writes: it is no replica, or one that somebody could write to"
        return Finding("replica", "warning", said, "super_read_only=ON there, or another name in MYSQL_READ_HOSTS")
    return Finding("replica", "ok", f"{place}: MySQL {facts.version}")
