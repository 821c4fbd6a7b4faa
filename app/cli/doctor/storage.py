"""What can be said of the database by asking it."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from app.cli.doctor.configuration import workers_of
from app.cli.doctor.finding import Finding, State
from app.config import Settings
from app.database import DatabaseNode
from app.drivers.migrations import COMMAND
from app.errors import DatabaseNotInitialized, ServiceError
from app.repositories.server_repository import Sender, ServerFacts, ServerRepository
from app.storage import open_storage
from app.utils.clock import Clock

_MOST_SECONDS_OFF = 30
"""Between our clock and the database's. Leases and retention go by the database's, signatures by ours."""

_USERS_OF_A_PROXY = 5
"""So many users behind one private address are no household."""

_SHARE_OF_CONNECTIONS = 0.8


async def examine_database(settings: Settings, clock: Clock) -> list[Finding]:
    """Ask the database whether it can serve, what it is, and what is in front of us."""
    if settings.mysql_host is None and not settings.sqlite_path.exists():
        return [Finding("database", "ok", f"SQLite: {settings.sqlite_path} is made at the first start")]
    async with open_storage(settings, migrate=False) as storage:
        try:
            await storage.database.check()
            repository = ServerRepository(storage.database)
            before = clock().timestamp()
            facts = await repository.fetch_facts()
            middle = (before + clock().timestamp()) / 2
            senders = await repository.fetch_senders()
            nodes = storage.database.nodes
        except ServiceError as error:
            return [_failure(settings, error)]
    return [
        Finding("database", "ok", f"{'MySQL' if settings.mysql_host else 'SQLite'} {facts.version}, schema up to date"),
        *_examine_nodes(nodes),
        *_examine_server(settings, facts, middle),
        _examine_proxy(senders),
    ]


def _failure(settings: Settings, error: ServiceError) -> Finding:
    said = error.detail or error.message
    if isinstance(error, DatabaseNotInitialized):
        return Finding("database", "failed", said, COMMAND)
    mend = "what is said here; the service goes on by itself once that is done"
    return Finding("database", "failed", f"{settings.mysql_host or settings.sqlite_path}: {said}", mend)


def _examine_nodes(nodes: Sequence[DatabaseNode]) -> Iterator[Finding]:
    for node in nodes:
        state: State = "ok" if node.role in ("primary", "secondary") else "warning"
        yield Finding("server", state, f"{node.address} is {node.role}", "" if state == "ok" else "see docs/cluster.md")


def _examine_server(settings: Settings, facts: ServerFacts, our_clock: float) -> Iterator[Finding]:
    if facts.group_consistency is not None:
        yield _examine_group(facts.group_consistency)
    if facts.max_connections is not None:
        yield _examine_connections(settings, facts.max_connections)
    seconds = our_clock - facts.clock
    if abs(seconds) > _MOST_SECONDS_OFF:
        way = "ahead of" if seconds > 0 else "behind"
        said = f"this machine's is {abs(seconds):.0f} s {way} the database's"
        yield Finding("clock", "failed", said, "let NTP set both (timedatectl set-ntp true)")
    else:
        yield Finding("clock", "ok", "this machine and the database agree")


def _examine_group(consistency: str) -> Finding:
    said = f"the server is in a group with group_replication_consistency={consistency}"
    if consistency != "EVENTUAL":
        return Finding("cluster", "ok", said)
    said += ": after a failover the new primary may answer before it knows all that the old one had taken"
    return Finding(
        "cluster", "warning", said, "SET PERSIST group_replication_consistency = 'BEFORE_ON_PRIMARY_FAILOVER'"
    )


def _examine_connections(settings: Settings, max_connections: int) -> Finding:
    workers = workers_of(settings)
    wanted = workers * settings.mysql_pool_size
    said = f"{workers} workers with {settings.mysql_pool_size} each may open {wanted}, MySQL allows {max_connections}"
    if wanted <= max_connections * _SHARE_OF_CONNECTIONS:
        return Finding("connections", "ok", said)
    state: State = "failed" if wanted > max_connections else "warning"
    fitting = max(1, int(max_connections * _SHARE_OF_CONNECTIONS) // workers)
    return Finding("connections", state, said, f"MYSQL_POOL_SIZE={fitting}, or raise max_connections")


def _examine_proxy(senders: Sequence[Sender]) -> Finding:
    for sender in senders:
        if sender.users >= _USERS_OF_A_PROXY and ip_address(sender.ip_address).is_private:
            said = f"{sender.users} users came from {sender.ip_address}: a proxy that is not trusted to say from where"
            mend = f"TRUSTED_PROXIES={sender.ip_address}, and let it set X-Forwarded-For"
            return Finding("proxy", "warning", said, mend)
    return Finding("proxy", "ok", "no private address has sent for many users lately")
