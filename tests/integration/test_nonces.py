"""A nonce is somebody's once, and is forgotten when it is worth nothing, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

from app.database import Database, Sql
from app.repositories.lease_repository import LeaseRepository
from app.repositories.nonce_repository import NonceRepository
from app.services.upkeep.retention import NONCE_MARGIN, Retention, slice_by_slice

NOW = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)


async def test_of_many_that_ask_for_a_nonce_at_once_one_has_it(database: Database) -> None:
    nonces = NonceRepository(database)

    for nonce in ("first", "second"):
        won = await asyncio.gather(*(nonces.insert("app-1", nonce, f"req-{number}", NOW) for number in range(20)))
        assert sum(won) == 1


async def test_a_write_that_was_repeated_over_a_lost_connection_is_no_replay(database: Database) -> None:
    nonces = NonceRepository(database)

    assert await nonces.insert("app-1", "nonce", "req-1", NOW)
    assert await nonces.insert("app-1", "nonce", "req-1", NOW)
    assert not await nonces.insert("app-1", "nonce", "req-2", NOW)
    assert not await nonces.insert("app-1", "nonce", "req-1".upper(), NOW)


async def test_nonces_are_told_apart_by_case_and_by_key(database: Database) -> None:
    nonces = NonceRepository(database)

    taken = [
        await nonces.insert(key, nonce, "r", NOW) for key, nonce in (("a", "n"), ("a", "N"), ("A", "n"), ("b", "n"))
    ]

    assert taken == [True] * 4


async def test_nonces_that_have_ended_are_deleted_with_time_to_spare(database: Database) -> None:
    nonces, now = NonceRepository(database), datetime.now(UTC)
    for age in (0, 270, 301, 86_400):
        await nonces.insert("app-1", f"age-{age}", "req-1", now - timedelta(seconds=age))
    leases = LeaseRepository(database)
    retention = Retention("nonces", slice_by_slice(nonces.delete_ended), NONCE_MARGIN, timedelta(minutes=10), leases)

    assert await retention.delete_expired() == 2
    assert await retention.delete_expired() == 0

    kept = await database.fetch_all(Sql.same("SELECT nonce FROM signature_nonce ORDER BY nonce"), {})
    assert kept == [("age-0",), ("age-270",)]
