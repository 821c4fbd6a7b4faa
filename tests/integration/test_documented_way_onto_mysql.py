"""The way onto MySQL of docs/production.md, as it is written there, ends with a service that is connected."""

import re
from pathlib import Path

import httpx

from tests.conftest import TEST_DATABASE
from tests.support.mysql_server import MySQLServer
from tests.support.service_process import ROOT, running_service

SECTION = re.compile(r"## On MySQL\n.*?(?=\n## )", re.DOTALL)


def test_on_mysql_the_service_is_connected_after_the_documented_commands(
    mysql_server: MySQLServer, tmp_path: Path
) -> None:
    (section,) = SECTION.findall((ROOT / "docs/production.md").read_text(encoding="utf-8"))
    (statements,) = re.findall(r'mysql -u root -p -e "(.*)"', section)
    (run,) = re.findall(r"^    (MYSQL_HOST=.*) make run$", section, re.MULTILINE)
    variables = {name.lower(): value for name, value in (part.split("=") for part in run.split())}
    server = mysql_server.settings(TEST_DATABASE)
    where = {name: server[name] for name in ("mysql_host", "mysql_port", "mysql_database")}

    mysql_server.query("DROP USER IF EXISTS 'classifier'@'%'")
    mysql_server.query(statements.replace("image_classifier.", f"{TEST_DATABASE}."))
    with running_service(tmp_path, **{**variables, **where, "spool_dir": tmp_path / "spool"}) as service:
        health = httpx.get(f"{service.url}/api/v1/health").json()
    mysql_server.query("DROP USER 'classifier'@'%'")

    assert "sql/init.sql" in section
    assert (health["status"], health["database"]) == ("healthy", "connected")
