"""The containers of the cluster: as careful as those of docker-compose.yml, and agreed about who is in the group."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.contract.test_deployment import ROOT

FOLDER = ROOT / "deploy/cluster"
NODES = ["mysql-1", "mysql-2", "mysql-3"]
ADDED = [*NODES, "mysql-cluster"]


@pytest.fixture
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yml").read_text(encoding="utf-8"))
    return loaded["services"]  # type: ignore[no-any-return]


def test_the_service_is_told_of_every_node_and_the_scripts_know_them_too(services: dict[str, Any]) -> None:
    form = (FOLDER / "form.sh").read_text(encoding="utf-8")
    node = (FOLDER / "node.sh").read_text(encoding="utf-8")

    assert [name for name in services if "NODE" in services[name].get("environment", {})] == NODES
    assert [f"mysql-{services[name]['environment']['NODE']}" for name in NODES] == NODES
    for name in ("api", "migrate"):
        assert services[name]["environment"]["MYSQL_HOST"] == ",".join(NODES)
    assert f"nodes=({' '.join(NODES)})" in form
    assert f"group-seeds={','.join(f'{name}:33061' for name in NODES)}" in node


def test_the_address_of_a_node_is_known_without_asking_for_it(services: dict[str, Any]) -> None:
    hosts = [f"{name}:{services[name]['networks']['database']['ipv4_address']}" for name in NODES]

    for name in (*ADDED, "api", "migrate"):
        assert services[name]["extra_hosts"] == hosts


def test_each_node_keeps_its_data_to_itself(services: dict[str, Any]) -> None:
    folders = [services[name]["volumes"][0].split(":")[0] for name in NODES]

    assert len(set(folders)) == 3


@pytest.mark.parametrize("name", ADDED)
def test_a_container_gains_no_rights_is_not_reached_from_outside_and_fills_no_disk(
    name: str, services: dict[str, Any]
) -> None:
    service = services[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"] == {"core": 0}
    assert list(service["networks"]) == ["database"]
    assert "ports" not in service
    assert "max-size" in service["logging"]["options"]
    assert service["profiles"] == ["cluster"]


def test_the_one_database_is_left_out_and_waited_for_by_nobody(services: dict[str, Any]) -> None:
    assert services["mysql"]["profiles"] == ["one-database"]
    for name in ("api", "migrate"):
        assert services[name]["depends_on"]["mysql"]["required"] is False
        assert services[name]["depends_on"]["mysql-cluster"] == {"condition": "service_healthy"}


def test_a_node_that_comes_back_takes_no_writes_of_its_own() -> None:
    node = (FOLDER / "node.sh").read_text(encoding="utf-8")

    assert re.search(r"^read_only=ON$", node, re.MULTILINE)
    assert '--super-read-only="$read_only"' in node
    assert "start-on-boot=OFF" in node  # form.sh lets it join


def test_a_node_that_comes_back_empty_can_copy_what_is_in_no_binary_log_any_more() -> None:
    node = (FOLDER / "node.sh").read_text(encoding="utf-8")
    form = (FOLDER / "form.sh").read_text(encoding="utf-8")

    assert "--plugin-load-add=mysql_clone.so" in node
    assert "BACKUP_ADMIN" in form  # the right to be copied from


@pytest.mark.parametrize("script", ["form.sh", "node.sh"])
def test_a_script_is_one_that_its_shell_reads(script: str) -> None:
    shell = (FOLDER / script).read_text(encoding="utf-8").splitlines()[0].removeprefix("#!")

    assert subprocess.run([shell, "-n", FOLDER / script], capture_output=True, text=True).stderr == ""
