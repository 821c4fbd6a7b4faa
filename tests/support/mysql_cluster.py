"""A real MySQL cluster (Group Replication, one primary), whose members can be killed, put to sleep and cut off.

Each has a network namespace of its own where that can be made (Linux, as root), joined by a
bridge in one more, where no firewall of this system looks on; elsewhere they share 127.0.0.1, and none can be cut off.
"""

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pymysql

from tests.support.mysql_server import MySQLServer, Place, free_port, provision_private

USER, PASSWORD = "classifier", "a-password-of-the-cluster"
_SUBNET = "10.213.77"
_SWITCH = "icd-switch"
_OUR_LINK = "icd-here"
_ONLINE_SECONDS = 180
_STATE = (
    "SELECT MEMBER_STATE, MEMBER_ROLE FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid"
)


@dataclass
class Member:
    """One server of the cluster."""

    number: int
    of: int
    """How many there are."""

    server: MySQLServer
    namespace: str | None

    @property
    def name(self) -> str:
        return f"{self.server.host}:{self.server.port}"

    def takes_writes(self) -> bool:
        """Whether it is the primary of its group, and says so within a moment."""
        try:
            state = self.server.query(_STATE)
            return state == [("ONLINE", "PRIMARY")] and self.server.query("SELECT @@super_read_only") == [(0,)]
        except (pymysql.MySQLError, OSError):
            return False

    def kill(self) -> None:
        assert self.server.crash is not None
        self.server.crash()

    def pause(self) -> None:
        """Let it accept connections and answer nothing."""
        assert self.server.send_signal is not None
        self.server.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self.server.send_signal is not None
        self.server.send_signal(signal.SIGCONT)

    def cut_off(self) -> None:
        """Let nothing reach it, or come from it."""
        _ip("-n", _SWITCH, "link", "set", f"port{self.number}", "down")

    def cut_off_from_members(self) -> None:
        """Let it reach no other server; those who use it still do."""
        for other in range(1, self.of + 1):
            if other != self.number:
                self._ip("route", "replace", "blackhole", f"{_SUBNET}.{10 + other}")

    def connect_again(self) -> None:
        _ip("-n", _SWITCH, "link", "set", f"port{self.number}", "up")
        for other in range(1, self.of + 1):
            self._ip("route", "del", "blackhole", f"{_SUBNET}.{10 + other}", check=False)

    def restart(self) -> None:
        assert self.server.restart is not None
        self.server.restart()

    def rejoin(self) -> None:
        """Let it be in the group again, however it left it, and return when it has caught up.

        As a secondary: one that was expelled holds itself for the primary until it hears of it.
        """
        end = time.monotonic() + _ONLINE_SECONDS
        while True:
            try:
                state = self.server.query(_STATE)
                if state and state[0] == ("ONLINE", "SECONDARY") and self._sees_all():
                    return
                if not state or state[0][0] in ("OFFLINE", "ERROR"):
                    self.server.query("STOP GROUP_REPLICATION; START GROUP_REPLICATION")
            except pymysql.MySQLError:
                pass  # it is on its way
            assert time.monotonic() < end, f"{self.name} does not come back"
            time.sleep(0.2)

    def _sees_all(self) -> bool:
        found = self.server.query(
            "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE MEMBER_STATE = 'ONLINE'"
        )
        return found == [(self.of,)]

    def _ip(self, *arguments: str, check: bool = True) -> None:
        _ip("-n", str(self.namespace), *arguments, check=check)


@dataclass
class Cluster:
    """The members, and the way to them."""

    members: list[Member] = field(default_factory=list)

    @property
    def has_networks(self) -> bool:
        """Whether members can be cut off."""
        return all(member.namespace for member in self.members)

    @property
    def primary(self) -> Member:
        return next(member for member in self.members if member.takes_writes())

    def others(self, member: Member) -> list[Member]:
        return [other for other in self.members if other is not member]

    def settings(self, database: str) -> dict[str, object]:
        """Return the service's settings for a database of the cluster, as a user with few rights."""
        return {
            "mysql_host": ",".join(member.name for member in self.members),
            "mysql_user": USER,
            "mysql_password": PASSWORD,
            "mysql_database": database,
        }

    def wait_for_primary(self, among: list[Member], seconds: float = 60) -> Member:
        """Return which of them is the primary, as soon as one is."""
        end = time.monotonic() + seconds
        while True:
            for member in among:
                if member.takes_writes():
                    return member
            assert time.monotonic() < end, "no primary was elected"
            time.sleep(0.02)


def can_have_networks() -> bool:
    """Whether a namespace of its own can be made for each member."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    made = _ip("netns", "add", _SWITCH, check=False)
    return made and _ip("netns", "del", _SWITCH, check=False)


@contextmanager
def running_cluster(schema: str, database: str, size: int = 3) -> Iterator[Cluster]:
    """Run a cluster with this schema, and a user that has what sql/README.md lists. Raises `NoServer`."""
    with ExitStack() as stack:
        networks = can_have_networks()
        if networks:
            stack.enter_context(_switch())
        group, ports = str(uuid.uuid4()), [free_port() for _ in range(size)]
        cluster = Cluster()
        for number in range(1, size + 1):
            place = stack.enter_context(_place(number, group, ports, networks=networks))
            server = provision_private("--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", place=place)
            stack.callback(server.stop)
            cluster.members.append(Member(number, size, server, f"icd-{number}" if networks else None))
            server.query(
                "SET SQL_LOG_BIN = 0; CREATE USER replica@'%' IDENTIFIED BY 'replica'; GRANT "
                "REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO replica@'%'; "
                "CHANGE REPLICATION SOURCE TO SOURCE_USER = 'replica', SOURCE_PASSWORD = 'replica' "
                "FOR CHANNEL 'group_replication_recovery'"
            )
            _forget_own_transactions(server)
        first = cluster.members[0].server
        first.query(
            "SET GLOBAL group_replication_bootstrap_group = ON; START GROUP_REPLICATION; "
            "SET GLOBAL group_replication_bootstrap_group = OFF"
        )
        for member in cluster.members[1:]:
            member.server.query("START GROUP_REPLICATION")
        for member in cluster.members[1:]:
            member.rejoin()
        first.query(schema)
        first.query(
            f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; "
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO '{USER}'@'%'; "
            f"GRANT SELECT ON performance_schema.replication_group_members TO '{USER}'@'%'"
        )
        yield cluster


def _forget_own_transactions(server: MySQLServer) -> None:
    """A server with transactions that a group has not got is not let in. Making its data was some."""
    try:
        server.query("RESET BINARY LOGS AND GTIDS")
    except pymysql.ProgrammingError:  # MySQL 8.0
        server.query("RESET MASTER")


@contextmanager
def _switch() -> Iterator[None]:
    _ip("netns", "add", _SWITCH)
    try:
        _ip("-n", _SWITCH, "link", "add", "bridge0", "type", "bridge")
        _ip("-n", _SWITCH, "link", "set", "bridge0", "up")
        _ip("link", "add", _OUR_LINK, "type", "veth", "peer", "name", "port0", "netns", _SWITCH)
        _ip("-n", _SWITCH, "link", "set", "port0", "master", "bridge0", "up")
        _ip("addr", "add", f"{_SUBNET}.1/24", "dev", _OUR_LINK)
        _ip("link", "set", _OUR_LINK, "up")
        yield
    finally:
        _ip("netns", "del", _SWITCH, check=False)


@contextmanager
def _place(number: int, group: str, ports: list[int], *, networks: bool) -> Iterator[Place]:
    """Return where a member runs: in a namespace of its own, or here."""
    hosts = [f"{_SUBNET}.{10 + each}" if networks else "127.0.0.1" for each in range(1, len(ports) + 1)]
    seeds = [f"{host}:{port}" for host, port in zip(hosts, ports, strict=True)]
    options = (
        f"--server-id={number}",
        *(["--skip-name-resolve"] if networks else []),  # there is nobody to ask; here root is `localhost`'s
        "--gtid-mode=ON",
        "--enforce-gtid-consistency=ON",
        f"--report-host={hosts[number - 1]}",
        "--plugin-load-add=group_replication.so",
        f"--loose-group-replication-group-name={group}",
        "--loose-group-replication-start-on-boot=OFF",
        f"--loose-group-replication-local-address={seeds[number - 1]}",
        f"--loose-group-replication-group-seeds={','.join(seeds)}",
        "--loose-group-replication-recovery-get-public-key=ON",
        f"--loose-group-replication-ip-allowlist={_SUBNET}.0/24,127.0.0.1/8",
    )
    if not networks:
        yield Place(options=options)
        return
    namespace, port = f"icd-{number}", f"port{number}"
    _ip("netns", "add", namespace)
    try:
        _ip("-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", _SWITCH)
        _ip("-n", _SWITCH, "link", "set", port, "master", "bridge0", "up")
        _ip("-n", namespace, "addr", "add", f"{hosts[number - 1]}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", namespace, "link", "set", link, "up")
        yield Place(hosts[number - 1], ("ip", "netns", "exec", namespace), options)
    finally:
        _ip("netns", "del", namespace, check=False)


def _ip(*arguments: str, check: bool = True) -> bool:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0 or not check, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.returncode == 0
