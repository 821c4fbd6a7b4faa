"""What a server of a group says of itself, asked by a user that has the rights that sql/README.md lists."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from app.cli.doctor.storage import examine_database
from app.drivers.mysql import MySQLDatabase
from app.drivers.mysql_connect import MySQLAddress
from app.errors import DatabaseMisconfigured, DatabaseUnavailable
from app.utils.clock import utc_now
from tests.conftest import TEST_DATABASE, make_settings, schema_of
from tests.support.mysql_cluster import PASSWORD, USER, Cluster, running_cluster
from tests.support.mysql_server import MySQLServer
from tests.support.waiting import until

NOBODY = MySQLAddress("127.0.0.1", 9, USER, PASSWORD, TEST_DATABASE)
RIGHT = f"SELECT ON performance_schema.replication_group_members TO '{USER}'@'%'"


@dataclass
class Group:
    """A group of one, and the database on it; it is no cluster until a second address is named."""

    cluster: Cluster
    database: MySQLDatabase

    @property
    def server(self) -> MySQLServer:
        return self.cluster.members[0].server

    @property
    def role(self) -> str:
        return self.database.nodes[0].role


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster(schema_of(TEST_DATABASE), TEST_DATABASE, size=1) as running:
        yield running


@pytest.fixture
async def group(cluster: Cluster) -> AsyncIterator[Group]:
    server = cluster.members[0].server
    address = MySQLAddress(server.host, server.port, USER, PASSWORD, TEST_DATABASE)
    database = await MySQLDatabase.open(address, NOBODY, pool_size=2)
    yield Group(cluster, database)
    await database.close()


async def test_the_primary_of_a_group_is_found(group: Group) -> None:
    await group.database.check()

    assert group.role == "primary"


async def test_without_the_right_to_see_the_members_it_is_told_which_is_missing(group: Group) -> None:
    group.server.query(f"REVOKE {RIGHT.replace(' TO ', ' FROM ')}")
    try:
        with pytest.raises(
            DatabaseMisconfigured, match=r"GRANT SELECT ON performance_schema\.replication_group_members"
        ):
            await group.database.check()
    finally:
        group.server.query(f"GRANT {RIGHT}")

    await until(lambda: group.role == "primary", seconds=5)
    await group.database.check()


async def test_a_server_that_has_left_its_group_is_no_primary_though_it_takes_writes(group: Group) -> None:
    await group.database.check()
    group.server.query("STOP GROUP_REPLICATION; SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")
    try:
        await until(lambda: group.role == "recovering", seconds=5)
        with pytest.raises(DatabaseUnavailable, match="no server takes writes"):
            await group.database.check()
    finally:
        group.server.query(
            "SET GLOBAL group_replication_bootstrap_group = ON; START GROUP_REPLICATION; "
            "SET GLOBAL group_replication_bootstrap_group = OFF"
        )

    await until(lambda: group.role == "primary", seconds=10)
    await group.database.check()


@pytest.mark.parametrize(("promise", "state"), [("EVENTUAL", "warning"), ("BEFORE_ON_PRIMARY_FAILOVER", "ok")])
async def test_the_doctor_looks_at_what_a_new_primary_promises(promise: str, state: str, group: Group) -> None:
    settings = make_settings(**group.cluster.settings(TEST_DATABASE))
    with group.server.with_global("group_replication_consistency", f"'{promise}'"):
        findings = await examine_database(settings, utc_now)

    (found,) = [finding for finding in findings if finding.check == "cluster"]
    assert found.state == state
    assert promise in found.said
