"""What forms the cluster, at work on servers that are not there: a `mysql` of ours answers in their place."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.test_deployment import ROOT

NODES = ("mysql-1", "mysql-2", "mysql-3")
PASSWORD = "root-and-replication-51c2"
MYSQL = """#!/bin/bash
said=$(cat)
for argument; do case "$argument" in --host=*) node=${argument#--host=} ;; esac; done
printf '%s\\n' "$*" >>arguments
printf '%s: %s\\n' "$node" "$(tr -s ' \\n' ' ' <<<"$said")" >>statements
case "$said" in
  *CASE*) cat "$node" ;;
  *LOCATE*) cat kind ;;
  *GTID_SUBSET*) echo 1 ;;
  *MEMBER_HOST*) echo mysql-1 ;;
  *mysql.user*) echo 1 ;;
  *tables_priv*) echo 0 ;;
  *"START GROUP_REPLICATION"*) exit 1 ;;
  *"STOP GROUP_REPLICATION"*) grep -qxs "$node" cannot-stop && exit 1; echo OFFLINE >"$node" ;;
esac
"""


class Nodes:
    """What the servers say of themselves, and what they were told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "bin/mysql"
        program.parent.mkdir()
        program.write_text(MYSQL)
        program.chmod(0o755)
        self.say("kind", "member")

    def say(self, file: str, *lines: str) -> None:
        (self.folder / file).write_text("".join(f"{line}\n" for line in lines))

    def read(self, file: str) -> str:
        return (self.folder / file).read_text()

    @contextmanager
    def formed(self) -> Iterator[Iterator[str]]:
        """Let the script run, and hand on what it says."""
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "READY": str(self.folder / "ready"),
            "GROUP": "8b3e0f4c-6c0d-4a37-9c43-2f3f0a6c2a11",
            "MYSQL_ROOT_PASSWORD": PASSWORD,
            "MYSQL_DATABASE": "image_classifier",
            "MYSQL_USER": "classifier",
            "MYSQL_PASSWORD": "of-the-service",
        }
        command = ["timeout", "30", str(ROOT / "deploy/cluster/form.sh")]
        with subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            try:
                yield (line.strip() for line in running.stdout)
            finally:
                running.terminate()


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    return Nodes(tmp_path)


def wait_for(said: Iterator[str], wanted: str) -> None:
    assert any(wanted in line for line in said), wanted


def test_passwords_are_no_arguments_of_a_process(nodes: Nodes) -> None:
    nodes.say("kind", "new")
    for node in NODES:
        nodes.say(node, "OFFLINE")

    with nodes.formed() as said:
        wait_for(said, "mysql-1 did not begin")

    statements = nodes.read("statements")
    assert statements.count(f"IDENTIFIED BY '{PASSWORD}'") == 3
    assert statements.count("SET GLOBAL super_read_only = ON") == 3  # until they are in the group
    assert PASSWORD not in nodes.read("arguments")


def test_no_group_is_begun_while_a_node_may_be_in_another(nodes: Nodes) -> None:
    for node in NODES:
        nodes.say(node, "stuck")
    nodes.say("cannot-stop", "mysql-2")

    with nodes.formed() as said:
        wait_for(said, "waits until no node is in a group")

    assert "bootstrap_group = ON" not in nodes.read("statements")
    nodes.say("cannot-stop")
    with nodes.formed() as said:
        wait_for(said, "the group begins with mysql-1")


def test_a_node_that_was_thrown_out_serves_again_when_it_is_back(nodes: Nodes) -> None:
    nodes.say("mysql-1", "ONLINE")
    nodes.say("mysql-2", "ERROR")
    nodes.say("mysql-3", "ONLINE")

    with nodes.formed() as said:
        wait_for(said, "mysql-2 did not join")

    joined = [line.strip() for line in nodes.read("statements").splitlines() if "START GROUP" in line]
    assert [said.strip() for said in joined[0].removeprefix("mysql-2:").split(";")] == [
        "STOP GROUP_REPLICATION",
        "SET GLOBAL offline_mode = OFF",
        "SET GLOBAL group_replication_bootstrap_group = OFF",  # it may have begun the group, and would begin another
        "START GROUP_REPLICATION",
    ]


def test_a_user_that_was_made_and_has_no_rights_yet_gets_them(nodes: Nodes) -> None:
    for node in NODES:
        nodes.say(node, "ONLINE")

    with nodes.formed() as said:
        wait_for(said, "mysql-1 makes the tables and the user of the service")
