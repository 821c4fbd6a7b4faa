"""A lookup reads what it asks for, and not whole tables, however large they have become."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from app.database import Database, Sql
from app.drivers.build import open_database
from app.models.domain import Failure, Outcome
from app.models.identity import Alias, MatchedBy, Naming
from app.repositories.cache_repository import CacheRepository
from app.repositories.lease_repository import LeaseRepository
from app.repositories.near_repository import NearRepository
from app.repositories.refusal_repository import RefusalRepository
from tests.conftest import make_settings
from tests.factories import make_content_name, make_failure, make_fingerprint, make_image_hash, make_outcome
from tests.support.records import write_outcomes

ROWS, SLICE = 1500, 100
NAMES = 5


@pytest.fixture
async def full(mysql_settings: dict[str, Any]) -> AsyncIterator[Database]:
    """One connection to tables that have just been filled."""
    opened = await open_database(make_settings(**mysql_settings, mysql_pool_size=1))
    outcomes = [make_outcome(logged=False) for _ in range(ROWS)]
    named = [
        replace(
            one,
            naming=Naming(one.image_hash, (Alias(make_content_name(), MatchedBy.CONTENT),), make_fingerprint()),
        )
        for one in outcomes
    ]
    everything: list[Outcome | Failure] = [*named, *(make_failure() for _ in range(ROWS))]
    for start in range(0, len(everything), SLICE):  # each within the time of one call
        await write_outcomes(opened, everything[start : start + SLICE])
    await LeaseRepository(opened).mark([f"photo:{make_image_hash()}" for _ in range(ROWS)], "another", 60)
    yield opened
    await opened.close()


async def count_reads(database: Database, work: Callable[[], Awaitable[object]]) -> int:
    """Return how many rows the pool's one connection read for it."""

    async def total() -> int:
        rows = await database.fetch_all(Sql.same("SHOW SESSION STATUS LIKE 'Handler_read%'"), {})
        return sum(int(value) for _, value in rows)

    nothing = -(await total() - await total())  # to ask reads rows too
    before = await total()
    await work()
    return await total() - before - nothing


async def test_a_lookup_reads_no_more_than_what_it_is_asked_for(full: Database) -> None:
    rows = await full.fetch_all(Sql.same("SELECT name, image_hash FROM image_alias LIMIT 5"), {})
    own, others = [image_hash for _, image_hash in rows], [name for name, _ in rows]
    unknown = [make_image_hash() for _ in range(NAMES)]
    cache = CacheRepository(full, local_from=None)

    found = await cache.fetch_many([*own, *others, *unknown])
    by_own, by_others, by_none = [
        await count_reads(full, lambda names=names: cache.fetch_many(names))  # type: ignore[misc]
        for names in (own, others, unknown)
    ]

    assert set(found) == {*own, *others}
    assert by_own <= 2 * NAMES + 4  # the names themselves, and a row each
    assert by_none <= 3 * NAMES + 4
    assert by_others <= 4 * NAMES + 4


async def test_other_lookups_read_no_table_either(full: Database) -> None:
    names = [make_image_hash() for _ in range(NAMES)]
    leases, refusals, near = LeaseRepository(full), RefusalRepository(full), NearRepository(full)
    now = make_outcome().created_at

    reads = [
        await count_reads(full, lambda: leases.is_held(names)),
        await count_reads(full, lambda: leases.release(names, "me")),
        await count_reads(full, lambda: refusals.is_refused(names, now)),
        await count_reads(full, lambda: near.find(secrets.token_bytes(32), 15)),
    ]

    assert max(reads) < 150
