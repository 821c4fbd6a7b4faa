"""Connections to MySQL are encrypted as `MYSQL_SSL_MODE` says; at a server that is not to be trusted nobody logs in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.cli.doctor.storage import examine_database
from app.database import Sql
from app.drivers.build import build_migrator, open_database
from app.drivers.migrations import MigrationError
from app.errors import DatabaseMisconfigured, DatabaseUnavailable
from app.utils.clock import utc_now
from tests.conftest import TEST_DATABASE, make_settings, schema_of
from tests.support.certificates import Authority
from tests.support.mysql_server import MySQLServer, provision_private
from tests.support.tcp_proxy import TcpProxy

CIPHER = Sql.same("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
PASSWORD = "hunter-MARKER-2"
USER = {"mysql_user": "remote", "mysql_password": PASSWORD}


@dataclass(frozen=True)
class Secured:
    """A server that takes encrypted connections only, and the authority that it has its certificate from."""

    server: MySQLServer
    authority: Authority

    def settings(self, mode: str, **values: Any) -> dict[str, Any]:
        return {**self.server.settings(TEST_DATABASE), **USER, "mysql_ssl_mode": mode, **values}


def open_to_the_user(server: MySQLServer) -> MySQLServer:
    server.query(schema_of(TEST_DATABASE))
    server.query(f"CREATE USER 'remote'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO 'remote'@'%'")
    return server


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server whose certificate is for 127.0.0.1."""
    authority = Authority.make(tmp_path_factory.mktemp("certificates") / "ours", "ours")
    certificate, key = authority.issue("IP:127.0.0.1")
    files = (f"--ssl-ca={authority.certificate}", f"--ssl-cert={certificate}", f"--ssl-key={key}")
    server = open_to_the_user(provision_private(*files))
    server.query("SET GLOBAL require_secure_transport = ON")
    yield Secured(server, authority)
    server.stop()


@pytest.fixture(scope="module")
def plain_server() -> Iterator[MySQLServer]:
    """A server that has no TLS."""
    server = open_to_the_user(provision_private("--tls-version="))
    yield server
    server.stop()


async def cipher_of(settings: dict[str, Any]) -> str:
    database = await open_database(make_settings(**settings))
    try:
        await database.check()
        ((_, cipher),) = await database.fetch_all(CIPHER, {})
        return str(cipher)
    finally:
        await database.close()


@pytest.mark.parametrize("mode", ["preferred", "required", "verify_ca", "verify_identity"])
async def test_each_mode_but_disabled_encrypts(mode: str, secured: Secured) -> None:
    ca = {"mysql_ssl_ca": secured.authority.certificate} if mode.startswith("verify") else {}

    assert await cipher_of(secured.settings(mode, **ca)) != ""


async def test_without_encryption_the_setting_that_is_missing_is_named(secured: Secured) -> None:
    with pytest.raises(DatabaseMisconfigured, match=r"3159.*MYSQL_SSL_MODE"):
        await cipher_of(secured.settings("disabled"))


@pytest.mark.parametrize("mode", ["verify_ca", "verify_identity"])
async def test_a_certificate_of_another_authority_is_refused(mode: str, secured: Secured, tmp_path: Path) -> None:
    other = Authority.make(tmp_path / "other", "other").certificate

    with pytest.raises(
        DatabaseMisconfigured, match=r"certificate was not accepted \(.*\): check MYSQL_SSL_CA"
    ) as caught:
        await cipher_of(secured.settings(mode, mysql_ssl_ca=other))
    assert PASSWORD not in str(caught.value.detail)

    with pytest.raises(DatabaseMisconfigured):  # nor is it one that the system trusts
        await cipher_of(secured.settings(mode))


async def test_a_certificate_for_another_name_is_refused_where_names_are_checked(secured: Secured) -> None:
    ca = {"mysql_ssl_ca": secured.authority.certificate, "mysql_host": "localhost"}

    assert await cipher_of(secured.settings("verify_ca", **ca)) != ""
    with pytest.raises(DatabaseMisconfigured, match=r"ostname mismatch.*the name in MYSQL_HOST"):
        await cipher_of(secured.settings("verify_identity", **ca))


async def test_the_certificates_that_mysql_makes_for_itself_can_be_checked() -> None:
    server = open_to_the_user(provision_private())
    assert server.folder is not None
    settings = {**server.settings(TEST_DATABASE), **USER, "mysql_ssl_mode": "verify_ca"}
    try:
        assert await cipher_of({**settings, "mysql_ssl_ca": server.folder / "data/ca.pem"}) != ""
    finally:
        server.stop()


async def test_a_server_that_speaks_another_tls_is_not_called_away() -> None:
    server = open_to_the_user(provision_private("--tls-version=TLSv1.3", "--tls-ciphersuites=TLS_AES_128_CCM_SHA256"))
    settings = {**server.settings(TEST_DATABASE), **USER, "mysql_ssl_mode": "required"}
    try:
        with pytest.raises(DatabaseUnavailable, match=r"TLS could not be begun \([A-Z0-9_]+\): .* 1\.2") as caught:
            await cipher_of(settings)
        assert PASSWORD not in str(caught.value.detail)
        with pytest.raises(MigrationError, match="TLS could not be begun"):
            await build_migrator(make_settings(**settings)).fetch_states()
    finally:
        server.stop()


async def test_a_server_that_hangs_up_as_tls_begins_is_not_called_away(secured: Secured) -> None:
    async with TcpProxy.running(secured.server.host, secured.server.port) as proxy:
        proxy.bytes_until_reset = 200  # its greeting comes through, and our greeting of TLS does not
        with pytest.raises(DatabaseUnavailable, match="hung up as TLS was to begin"):
            await cipher_of(secured.settings("required", mysql_host="127.0.0.1", mysql_port=proxy.port))


async def test_where_encryption_is_required_nobody_logs_in_without(plain_server: MySQLServer) -> None:
    settings = {**plain_server.settings(TEST_DATABASE), **USER}

    with pytest.raises(DatabaseMisconfigured, match="the server has no TLS, which MYSQL_SSL_MODE requires"):
        await cipher_of({**settings, "mysql_ssl_mode": "required"})
    assert await cipher_of({**settings, "mysql_ssl_mode": "preferred"}) == ""


async def test_the_schema_and_the_doctor_are_encrypted_too(secured: Secured, tmp_path: Path) -> None:
    trusting = secured.settings("verify_identity", mysql_ssl_ca=secured.authority.certificate)
    other = Authority.make(tmp_path / "other", "other").certificate
    wary = make_settings(**secured.settings("verify_ca", mysql_ssl_ca=other))

    assert {state.state for state in await build_migrator(make_settings(**trusting)).fetch_states()} == {"applied"}
    assert "failed" not in {finding.state for finding in await examine_database(make_settings(**trusting), utc_now)}
    with pytest.raises(MigrationError, match="certificate was not accepted"):
        await build_migrator(wary).fetch_states()


async def test_of_several_servers_each_is_looked_at_by_an_encrypted_connection(secured: Secured) -> None:
    servers = f"127.0.0.1:{secured.server.port},127.0.0.1:9"
    trusting = secured.settings("verify_identity", mysql_ssl_ca=secured.authority.certificate, mysql_host=servers)

    assert await cipher_of(trusting) != ""
