"""Records, leases and look-ups on two databases that are split by hash, and what a router must refuse."""

# ruff: noqa: F811  # fixtures are imported

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.database import Sql
from app.errors import DatabaseUnavailable
from app.models.domain import Outcome
from app.models.identity import Alias, MatchedBy, Naming
from app.repositories.cache_repository import CacheRepository
from app.repositories.lease_repository import LeaseRepository
from app.repositories.near_repository import NearRepository
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.utils.hash_utils import sha256_hex
from tests.factories import (
    known_by,
    make_content_name,
    make_context,
    make_failure,
    make_fingerprint,
    make_hit,
    make_outcome,
)
from tests.support.sharding import CrossesShards, ShardedRecords, Shards, shard_of
from tests.support.spread_tables import SHARDS, Spread, shard_settings, spread  # noqa: F401


def of_both(make: Callable[[], Any] = make_outcome) -> list[Any]:
    """Return some for each shard."""
    made = [make() for _ in range(64)]
    picked = [[one for one in made if shard_of(one.image_hash, SHARDS) == place][:2] for place in range(SHARDS)]
    return [one for some in picked for one in some]


async def test_a_batch_of_many_photos_is_written_once_though_a_shard_was_away(spread: Spread) -> None:
    """Each shard's ledger has the batch's number: the one that was there does not write it again."""
    records, paid = ShardedRecords(spread.shards), of_both()
    hits = [make_hit(outcome, context=make_context()) for outcome in paid]
    batch = RecordBatch.of(secrets.token_hex(16), 1, [*paid, *hits])
    spread.lines[1].away = True

    with pytest.raises(DatabaseUnavailable):
        await records.write([batch])
    written_meanwhile = await spread.total("SELECT COUNT(*) FROM request_log")
    spread.lines[1].away = False
    await records.write([batch])
    await records.write([batch])

    assert written_meanwhile == len(paid)
    assert await spread.total("SELECT COUNT(*) FROM request_log") == 2 * len(paid)
    assert await spread.total("SELECT SUM(hit_count) FROM image_classification_cache") == 2 * len(paid)
    assert [len(rows) for rows in await spread.read("SELECT writer FROM ledger_writer")] == [1, 1]


async def test_every_kind_of_row_goes_to_the_shard_of_its_key(spread: Spread) -> None:
    paid = of_both()
    named: list[Outcome] = []
    for outcome in paid:
        naming = Naming(outcome.image_hash, (Alias(make_content_name(), MatchedBy.CONTENT),), make_fingerprint())
        named.append(replace(outcome, naming=naming))
    hits = [
        make_hit(outcome, image_hash=outcome.naming.aliases[0].name, known=known_by(outcome))
        for outcome in named
        if outcome.naming
    ]
    failures = of_both(make_failure)

    await ShardedRecords(spread.shards).write([RecordBatch.of(secrets.token_hex(16), 1, [*named, *hits, *failures])])

    await spread.check_places()
    router = Shards(spread.shards)
    found = await CacheRepository(router, None).fetch_many([hit.image_hash for hit in hits])
    assert {known.image_hash for known in found.values()} == {outcome.image_hash for outcome in paid}
    for outcome in named:
        assert outcome.naming
        assert outcome.naming.fingerprint
        near = await NearRepository(router).find(outcome.naming.fingerprint.pdq, 10)
        assert [one.image_hash for one in near] == [outcome.image_hash]


async def test_of_several_that_claim_a_lease_one_has_it_whichever_shard_it_is_in(spread: Spread) -> None:
    leases = LeaseRepository(Shards(spread.shards))

    for number in range(10):
        claims = [leases.claim(f"photo:{number}", f"owner-{place}", 30) for place in range(5)]
        assert sum(await asyncio.gather(*claims)) == 1
    await leases.mark([f"mark:{number}" for number in range(10)], "me", 30)

    assert [await leases.is_held([f"mark:{number}", "mark:other"]) for number in range(10)] == [True] * 10
    await leases.release([f"mark:{number}" for number in range(10)], "me")
    assert not await leases.is_held([f"mark:{number}" for number in range(10)])
    assert min(len(rows) for rows in await spread.read("SELECT name FROM lease")) > 0


async def test_a_transaction_that_needs_both_shards_is_refused(spread: Spread) -> None:
    """Or the tests above would pass with any router."""
    batch = RecordBatch.of(secrets.token_hex(16), 1, of_both())

    with pytest.raises(CrossesShards, match="shards \\[0, 1\\]"):
        await RecordRepository(Shards(spread.shards)).write([batch])
    with pytest.raises(CrossesShards):
        await RecordRepository(spread.shards[0]).write([batch])
    with pytest.raises(CrossesShards, match="nobody knows"):
        await Shards(spread.shards).fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {})


def test_hashes_are_spread_evenly() -> None:
    places = [shard_of(sha256_hex(str(number).encode()), SHARDS) for number in range(2000)]

    assert 0.45 < sum(places) / len(places) < 0.55
