"""The doctor's look at a server that takes no writes: one of its own, since others would notice."""

from datetime import UTC, datetime

import pytest

from app.cli.doctor.storage import examine_database
from tests.conftest import TEST_DATABASE, make_settings, schema_of
from tests.support.mysql_server import provision_private


@pytest.mark.parametrize("variable", ["read_only", "super_read_only"])
async def test_a_replica_that_is_taken_for_the_primary_is_named(variable: str) -> None:
    server = provision_private()
    try:
        server.query(schema_of(TEST_DATABASE))
        server.query(f"SET GLOBAL {variable} = ON")

        findings = await examine_database(make_settings(**server.settings(TEST_DATABASE)), lambda: datetime.now(UTC))
    finally:
        server.stop()

    (found,) = [finding for finding in findings if finding.state == "failed"]
    assert found.check == "database"
    assert "takes no writes" in found.said
    assert "let MYSQL_HOST name the primary" in found.said
