"""Three MySQL servers and two replicas of the api, in containers: killed, paused and started again under load.

Beside tests/e2e/stack.py's own containers these are many for a small machine: `make e2e` runs them one after the other.
"""

import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack, wait_until
from tests.e2e.test_disturbances import Journal, under_load, wait_until_recorded

NODES = ["mysql-1", "mysql-2", "mysql-3"]
GROUP = "SELECT MEMBER_HOST, MEMBER_STATE, MEMBER_ROLE FROM performance_schema.replication_group_members ORDER BY 1"
ALLOWED = {"503 database_unavailable", "503 overloaded", "503 service_unavailable"}


class Cluster(Stack):
    """One run of the cluster."""

    files = ("docker-compose.yml", "deploy/cluster/compose.yml", "tests/e2e/compose.yml")
    profiles = ("cluster",)
    asked = "mysql-1"

    def database(self) -> str:
        return self.asked

    def group(self) -> list[list[str]]:
        """Return host, state and role of each member, as the first node that is in the group sees them."""
        for self.asked in NODES:
            try:
                rows = self.query(GROUP)
            except AssertionError:  # it is down
                continue
            if [self.asked, "ONLINE"] in [row[:2] for row in rows]:
                return rows
        return []

    def primary(self) -> str:
        """Return the primary; nothing while there is none that a majority agrees on."""
        rows = self.group()
        online = [row for row in rows if row[1] == "ONLINE"]
        leaders = [host for host, _, role in online if role == "PRIMARY"]
        return leaders[0] if 2 * len(online) > len(rows) and leaders else ""

    def is_whole(self) -> bool:
        """Whether all three are in the group."""
        return [row[1] for row in self.group()] == ["ONLINE"] * 3

    def wait_until_whole(self) -> None:
        wait_until(self.is_whole, 300)

    def wait_for_another(self, than: str) -> None:
        wait_until(lambda: self.primary() not in ("", than), 120)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("e2e-cluster"))
    try:
        started.up()
        started.wait_until_whole()
        yield started
    finally:
        started.down()


def check_records(cluster: Cluster, journal: Journal) -> None:
    """Fail where something that was answered is not on record, or something twice."""
    recorded = wait_until_recorded(cluster, journal)
    assert set(journal.failed) <= ALLOWED
    assert sorted(recorded) == sorted(journal.answered)


async def test_a_primary_that_is_killed_is_replaced_and_comes_back(cluster: Cluster) -> None:
    gone = cluster.primary()

    def disturb() -> None:
        cluster.compose("kill", gone)
        cluster.wait_for_another(gone)

    journal = await under_load(cluster, "primary-killed", disturb)
    cluster.compose("up", "--detach", gone)
    cluster.wait_until_whole()

    check_records(cluster, journal)
    assert cluster.primary() != gone


async def test_a_primary_that_stands_still_is_replaced_and_takes_part_again(cluster: Cluster) -> None:
    gone = cluster.primary()

    def disturb() -> None:
        cluster.compose("pause", gone)
        cluster.wait_for_another(gone)

    try:
        journal = await under_load(cluster, "primary-paused", disturb)
    finally:
        cluster.compose("unpause", gone)
    cluster.wait_until_whole()

    check_records(cluster, journal)


async def test_after_all_of_them_were_down_the_group_forms_itself_anew_and_nothing_is_lost(cluster: Cluster) -> None:
    def disturb() -> None:
        cluster.compose("kill", *NODES)
        cluster.compose("up", "--detach", *NODES)
        cluster.wait_until_whole()

    journal = await under_load(cluster, "all-killed", disturb)

    check_records(cluster, journal)


async def test_a_killed_replica_of_the_api_and_a_killed_primary_lose_no_answer(cluster: Cluster) -> None:
    gone = cluster.primary()

    def disturb() -> None:
        replica = cluster.containers("api")[0]
        subprocess.run(["docker", "kill", replica], check=True, capture_output=True)
        cluster.compose("kill", gone)
        cluster.wait_for_another(gone)
        subprocess.run(["docker", "start", replica], check=True, capture_output=True)

    journal = await under_load(cluster, "both-killed", disturb)
    cluster.compose("up", "--detach", gone)
    cluster.wait_until_whole()

    recorded = wait_until_recorded(cluster, journal)
    assert len(recorded) == len(set(recorded))
    assert set(journal.failed) <= ALLOWED


def test_all_three_hold_the_same_after_all_that(cluster: Cluster) -> None:
    sums = "SELECT (SELECT SUM(hit_count) FROM image_classification_cache), (SELECT COUNT(*) FROM request_log)"

    def read_all() -> set[tuple[str, ...]]:
        found = set()
        for cluster.asked in NODES:
            found.add(tuple(cluster.query(sums)[0]))
        return found

    wait_until(lambda: len(read_all()) == 1, 60)
    ((hits, records),) = read_all()

    assert hits == records


def test_a_node_that_comes_back_empty_gets_what_is_in_no_binary_log_any_more(cluster: Cluster) -> None:
    count = "SELECT COUNT(*) FROM request_log"
    (gone, *_) = [node for node in NODES if node != cluster.primary()]
    expected = cluster.query(count)

    cluster.compose("rm", "--force", "--stop", gone)
    cluster.remove_volume(f"{gone}-data")
    for cluster.asked in [node for node in NODES if node != gone]:
        cluster.query("FLUSH BINARY LOGS")
        cluster.query("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
    cluster.compose("up", "--detach", "--no-deps", gone)
    cluster.wait_until_whole()

    cluster.asked = gone
    assert cluster.query(count) == expected
    assert expected != [["0"]]


@pytest.mark.parametrize("node", NODES)
def test_a_node_that_is_restarted_joins_by_itself(node: str, cluster: Cluster) -> None:
    cluster.compose("restart", node)

    wait_until(cluster.is_whole, 120)
