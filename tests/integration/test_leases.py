"""A lease has one owner, ends by itself, and is given out again, on both databases."""

import asyncio
from contextlib import suppress

from app.database import Database, Sql
from app.errors import DatabaseUnavailable
from app.models.domain import Classification
from app.observe.metrics import Metrics
from app.repositories.lease_repository import LeaseRepository
from app.services.one_call.lease import Leases, name_of
from tests.factories import make_image_hash
from tests.support.unreliable_database import UnreliableDatabase

HAS_ENDED = Sql(mysql="SELECT :moment < NOW(3)", sqlite="SELECT :moment < strftime('%Y-%m-%d %H:%M:%f', 'now')")
END_OF = Sql(
    mysql="SELECT CAST(expires_at AS CHAR) FROM lease WHERE name = :name",
    sqlite="SELECT expires_at FROM lease WHERE name = :name",
)
END_ALL = Sql.same("UPDATE lease SET expires_at = '2020-01-01 00:00:00.000'")


async def test_of_many_that_claim_at_once_one_wins(database: Database) -> None:
    leases = LeaseRepository(database)

    for _ in range(10):
        image_hash = make_image_hash()
        won = await asyncio.gather(*(leases.claim(image_hash, f"owner-{number}", 10) for number in range(30)))
        assert sum(won) == 1


async def test_of_many_that_claim_a_lease_that_has_ended_one_wins(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()
    await leases.claim(image_hash, "dead", 10)

    for round_number in range(10):
        await database.execute(END_ALL, {})
        won = await asyncio.gather(*(leases.claim(image_hash, f"{round_number}-{number}", 10) for number in range(30)))
        assert sum(won) == 1


async def test_a_lease_that_has_not_ended_is_not_given_out(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()
    await leases.claim(image_hash, "first", 1)

    assert not await leases.claim(image_hash, "second", 10)


async def test_a_lease_ends_by_the_clock_of_the_database(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()
    await leases.claim(image_hash, "first", 0)

    assert await leases.claim(image_hash, "second", 10)


async def test_its_owner_may_claim_it_again(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()
    await leases.claim(image_hash, "first", 5)

    assert await leases.claim(image_hash, "first", 10)
    assert not await leases.claim(image_hash, "second", 10)


async def test_only_its_owner_can_release_it(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()
    await leases.claim(image_hash, "first", 10)

    await leases.release(image_hash, "second")
    assert not await leases.claim(image_hash, "second", 10)
    await leases.release(image_hash, "first")
    assert await leases.claim(image_hash, "second", 10)


async def test_who_waits_for_a_turn_has_it_when_the_database_goes_away(database: Database) -> None:
    line, image_hash = UnreliableDatabase(database), make_image_hash()
    leases = LeaseRepository(line)
    await leases.claim(name_of(image_hash), "another", 60)

    async def lookup(_: str) -> None:
        await line.check()

    async def take() -> None:
        async with Leases(leases, lookup, Metrics()).take(image_hash) as found:
            assert found is None

    waiting = asyncio.create_task(take())
    await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    line.away = True

    async with asyncio.timeout(1):
        await waiting


async def test_a_lookup_that_fails_ends_nobodys_wait_for_a_turn(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()
    await leases.claim(name_of(image_hash), "another", 60)
    tried = asyncio.Semaphore(0)

    async def lookup(_: str) -> None:
        tried.release()
        raise DatabaseUnavailable

    async def take() -> None:
        async with Leases(leases, lookup, Metrics()).take(image_hash):
            pass

    waiting = asyncio.create_task(take())
    for _ in range(3):
        await tried.acquire()

    assert not waiting.done()
    waiting.cancel()


async def test_a_turn_is_kept_beyond_its_lease_for_as_long_as_its_holder_lives(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()
    turns = Leases(leases, nothing_known, Metrics(), lease_seconds=2, renew_seconds=0.2)

    async with turns.take(image_hash):
        ((first_end,),) = await database.fetch_all(END_OF, {"name": name_of(image_hash)})
        async with asyncio.timeout(10):
            while await database.fetch_all(HAS_ENDED, {"moment": first_end}) == [(0,)]:
                assert not await leases.claim(name_of(image_hash), "rival", 10)

        assert not await leases.claim(name_of(image_hash), "rival", 10)


async def test_a_turn_is_free_as_soon_as_its_holder_has_failed(database: Database) -> None:
    leases, image_hash = LeaseRepository(database), make_image_hash()

    with suppress(ZeroDivisionError):
        async with Leases(leases, nothing_known, Metrics()).take(image_hash):
            raise ZeroDivisionError

    assert await leases.claim(name_of(image_hash), "rival", 10)


async def nothing_known(image_hash: str) -> Classification | None:
    return None
