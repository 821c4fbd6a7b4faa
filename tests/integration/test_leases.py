"""A lease has one owner, ends by itself, and is given out again, on both databases."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from app.database import Database, Params, Sql
from app.errors import DatabaseUnavailable
from app.observe.metrics import Metrics
from app.repositories.lease_repository import LeaseRepository
from app.services.one_call.lease import Leases
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

    await leases.release([image_hash], "second")
    assert not await leases.claim(image_hash, "second", 10)
    await leases.release([image_hash], "first")
    assert await leases.claim(image_hash, "second", 10)


async def test_who_waits_for_a_lease_goes_on_when_the_database_goes_away(database: Database) -> None:
    line, name = UnreliableDatabase(database), make_image_hash()
    repository = LeaseRepository(line)
    await repository.claim(name, "another", 60)
    looks = asyncio.Semaphore(0)

    async def look() -> None:
        looks.release()
        await line.check()

    async def hold() -> None:
        async with Leases(repository, Metrics()).hold(name, look) as found:
            assert found is None

    waiting = asyncio.create_task(hold())
    await looks.acquire()
    assert not waiting.done()
    line.away = True

    async with asyncio.timeout(2):
        await waiting


async def test_a_look_that_fails_ends_nobodys_wait_for_a_lease(database: Database) -> None:
    repository, name = LeaseRepository(database), make_image_hash()
    await repository.claim(name, "another", 60)
    looks = asyncio.Semaphore(0)

    async def look() -> None:
        looks.release()
        raise DatabaseUnavailable

    async def hold() -> None:
        async with Leases(repository, Metrics()).hold(name, look):
            pass

    waiting = asyncio.create_task(hold())
    for _ in range(3):
        await looks.acquire()

    assert not waiting.done()
    waiting.cancel()


async def test_a_lease_is_renewed_for_as_long_as_its_holder_lives(database: Database) -> None:
    repository, name = LeaseRepository(database), make_image_hash()
    leases = Leases(repository, Metrics(), seconds=2, renew_seconds=0.2)

    async with leases.hold(name, nothing_found):
        ((first_end,),) = await database.fetch_all(END_OF, {"name": name})
        async with asyncio.timeout(10):
            while await database.fetch_all(HAS_ENDED, {"moment": first_end}) == [(0,)]:
                assert not await repository.claim(name, "rival", 10)

        assert not await repository.claim(name, "rival", 10)


async def test_a_mark_is_renewed_while_the_work_goes_on_and_taken_back_at_its_end(database: Database) -> None:
    repository, name = LeaseRepository(database), make_image_hash()
    leases = Leases(repository, Metrics(), renew_seconds=0.02)

    with leases.mark([name]):
        async with asyncio.timeout(10):
            while not (first := await database.fetch_all(END_OF, {"name": name})):
                await asyncio.sleep(0)
            while await database.fetch_all(END_OF, {"name": name}) == first:
                await asyncio.sleep(0)
    await leases.close(2)

    assert not await repository.is_held([name])


async def test_a_lease_is_free_as_soon_as_its_holder_has_failed(database: Database) -> None:
    repository, name = LeaseRepository(database), make_image_hash()

    with suppress(ZeroDivisionError):
        async with Leases(repository, Metrics()).hold(name, nothing_found):
            raise ZeroDivisionError

    assert await repository.claim(name, "rival", 10)


@dataclass
class LateDatabase(UnreliableDatabase):
    """While the `gate` is shut, claims are on their way: they are carried out later, whoever has left meanwhile."""

    on_their_way: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    left: list[asyncio.Task[int]] = field(default_factory=list)

    async def execute(self, sql: Sql, params: Params) -> int:
        if self.gate.is_set() or "seconds" not in params:
            return await super().execute(sql, params)
        self.on_their_way.release()
        self.left.append(asyncio.create_task(self._carry(sql, params)))
        return await asyncio.shield(self.left[-1])

    async def _carry(self, sql: Sql, params: Params) -> int:
        await self.gate.wait()
        return await self.inner.execute(sql, params)


async def test_a_renewal_that_is_on_its_way_is_not_carried_out_after_the_release(database: Database) -> None:
    late, name = LateDatabase(database), make_image_hash()
    leases = Leases(LeaseRepository(late), Metrics(), renew_seconds=0.01)

    async with leases.hold(name, nothing_found):
        late.gate.clear()
        await late.on_their_way.acquire()
        asyncio.get_running_loop().call_later(0.1, late.gate.set)
    await asyncio.wait(late.left)

    assert await LeaseRepository(database).claim(name, "rival", 10)


async def nothing_found() -> None:
    return None


async def test_marking_takes_the_names_that_are_free_and_leaves_others_theirs(database: Database) -> None:
    leases, (mine, free, ended, taken) = LeaseRepository(database), [f"photo:{make_image_hash()}" for _ in range(4)]
    await leases.claim(mine, "me", 1)
    await leases.claim(ended, "dead", 0)
    await leases.claim(taken, "another", 10)

    await leases.mark([taken, mine, free, ended], "me", 10)

    assert [await leases.claim(name, "rival", 10) for name in (mine, free, ended, taken)] == [False] * 4
    assert [await leases.claim(name, "me", 10) for name in (mine, free, ended, taken)] == [True] * 3 + [False]
    assert await leases.claim(taken, "another", 10)


async def test_several_names_are_given_up_together_but_only_ones_own(database: Database) -> None:
    leases, names = LeaseRepository(database), [f"photo:{make_image_hash()}" for _ in range(3)]
    await leases.mark(names[:2], "me", 10)
    await leases.claim(names[2], "another", 10)

    await leases.release(names, "me")

    assert not await leases.is_held(names[:2])
    assert await leases.is_held(names)
    await leases.release(names, "another")
    assert not await leases.is_held(names)


async def test_a_name_is_held_until_its_time_is_over(database: Database) -> None:
    leases, name = LeaseRepository(database), f"photo:c1:{make_image_hash()}"

    assert not await leases.is_held([name])
    assert not await leases.is_held([])
    await leases.mark([name], "me", 10)
    assert await leases.is_held([make_image_hash(), name])
    await database.execute(END_ALL, {})
    assert not await leases.is_held([name])


async def test_of_many_that_mark_the_same_names_at_once_each_name_has_one_owner(database: Database) -> None:
    leases, names = LeaseRepository(database), [f"photo:{make_image_hash()}" for _ in range(6)]
    owners = [f"owner-{number}" for number in range(20)]

    await asyncio.gather(
        *(leases.mark(names[:: -1 if number % 2 else 1], owner, 10) for number, owner in enumerate(owners))
    )

    rows = await database.fetch_all(Sql.same("SELECT name, owner FROM lease"), {})
    assert sorted(name for name, _ in rows) == sorted(names)
    await asyncio.gather(*(leases.release(names, owner) for owner in owners))
    assert not await leases.is_held(names)


async def test_leases_of_holders_that_died_long_ago_are_deleted_and_no_others(database: Database) -> None:
    leases = LeaseRepository(database)
    await leases.mark([f"mark:{number}" for number in range(5)], "dead", 10)
    await database.execute(END_ALL, {})
    await leases.claim("photo:alive", "alive", 10)
    await leases.claim("photo:just", "dead", 0)

    gone = [await leases.delete_ended(timedelta(hours=1), slice_rows=3) for _ in range(3)]

    assert gone == [3, 2, 0]
    assert await database.fetch_all(Sql.same("SELECT name FROM lease ORDER BY name"), {}) == [
        ("photo:alive",),
        ("photo:just",),
    ]
