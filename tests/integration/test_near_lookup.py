"""Photos that look alike are found by their fingerprints, the nearest first, on both databases."""

import random
import secrets
from collections.abc import Iterable
from dataclasses import replace

import pytest

from app.database import Database, Sql
from app.errors import DatabaseUnavailable
from app.models.domain import EARLIER_LOCAL_MODEL, LOCAL_MODEL, Category, Outcome
from app.models.identity import Naming
from app.models.near import MAX_NEIGHBOURS, Neighbour
from app.repositories.near_repository import NearRepository
from tests.factories import make_classification, make_fingerprint, make_image_hash, make_outcome, make_reply
from tests.support.records import write_outcomes
from tests.support.unreliable_database import UnreliableDatabase

FILL_SLOT = Sql(
    mysql="""
INSERT INTO fingerprint_slot (slot, value, fingerprint_id)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
SELECT /*+ SET_VAR(cte_max_recursion_depth = 2000) */ :slot, :value, 1000000 + i FROM n
""",
    sqlite="""
INSERT INTO fingerprint_slot (slot, value, fingerprint_id)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
SELECT :slot, :value, 1000000 + i FROM n
""",
)


def with_bits_changed(pdq: bytes, bits: Iterable[int]) -> bytes:
    """Return the fingerprint with these of its 256 bits the other way round."""
    return (int.from_bytes(pdq) ^ sum(1 << bit for bit in bits)).to_bytes(32)


def make_seen(pdq: bytes, quality: int = 100, **changes: object) -> Outcome:
    """Return a paid answer to a photo that looks like this."""
    outcome = make_outcome(**changes)
    fingerprint = make_fingerprint(pdq=pdq, quality=quality)
    return replace(outcome, naming=Naming(outcome.image_hash, fingerprint=fingerprint))


async def test_all_in_reach_are_found_the_nearest_first_with_what_guards_have_to_know(database: Database) -> None:
    chance, pdq = random.Random(7), secrets.token_bytes(32)
    seen = {
        distance: make_seen(with_bits_changed(pdq, chance.sample(range(256), distance)), image_size=1000 + distance)
        for distance in (15, 0, 9, 16, 4, 40)
    }
    await write_outcomes(database, [*seen.values(), *(make_seen(secrets.token_bytes(32)) for _ in range(20))])
    near = NearRepository(database)

    found = await near.find(pdq, 15)

    assert found == [
        Neighbour(seen[distance].image_hash, distance, 4032, 3024, Category.FOODS, 0.92, 1000 + distance)
        for distance in (0, 4, 9, 15)
    ]
    assert [one.distance for one in await near.find(pdq, 9)] == [0, 4, 9]


@pytest.mark.parametrize("seed", range(5))
async def test_wherever_fifteen_bits_differ_the_photo_is_found(seed: int, database: Database) -> None:
    """Fifteen bits can spoil fifteen of the sixteen slots."""
    pdq, chance = secrets.token_bytes(32), random.Random(seed)
    spared = chance.randrange(16)
    bits = [16 * slot + chance.randrange(16) for slot in range(16) if slot != spared]
    outcome = make_seen(with_bits_changed(pdq, bits))
    await write_outcomes(database, [outcome])

    found = await NearRepository(database).find(pdq, 15)

    assert [(one.image_hash, one.distance) for one in found] == [(outcome.image_hash, 15)]


async def test_more_than_fifteen_bits_are_never_asked_for(database: Database) -> None:
    pdq = secrets.token_bytes(32)
    await write_outcomes(database, [make_seen(with_bits_changed(pdq, range(16)))])

    assert await NearRepository(database).find(pdq, 31) == []


async def test_guesses_dull_pictures_and_answers_that_are_gone_are_no_neighbours(database: Database) -> None:
    pdq = secrets.token_bytes(32)
    guesses = [make_seen(pdq, reply=make_reply(model_used=local)) for local in (EARLIER_LOCAL_MODEL, LOCAL_MODEL)]
    dull, gone, paid = make_seen(pdq, quality=49), make_seen(pdq), make_seen(pdq, quality=50)
    await write_outcomes(database, [*guesses, dull, gone, paid])
    delete = Sql.same("DELETE FROM image_classification_cache WHERE image_hash = :image_hash")
    await database.execute(delete, {"image_hash": gone.image_hash})

    found = await NearRepository(database).find(pdq, 15)

    assert [one.image_hash for one in found] == [paid.image_hash]


async def test_a_neighbour_of_a_category_that_is_none_of_ours_is_told_without_one(database: Database) -> None:
    pdq = secrets.token_bytes(32)
    await write_outcomes(
        database, [make_seen(pdq, image_size=None, reply=make_reply(make_classification(Category.PETS, 0.4)))]
    )
    near = NearRepository(database)
    (known,) = await near.find(pdq, 15)
    await database.execute(Sql.same("UPDATE image_classification_cache SET category = 'plants'"), {})

    (unknown,) = await near.find(pdq, 15)

    assert (known.category, known.confidence, known.image_size) == (Category.PETS, 0.4, None)
    assert (unknown.category, unknown.image_hash) == (None, known.image_hash)


async def test_a_slot_that_a_thousand_photos_share_is_passed_over_and_the_others_still_count(
    database: Database,
) -> None:
    pdq = bytes(32)  # all slots are 0
    outcome = make_seen(pdq)
    await write_outcomes(database, [outcome])
    near = NearRepository(database)
    for slot in range(15):
        await database.execute(FILL_SLOT, {"slot": slot, "value": 0, "rows": 1000})

    (found,) = await near.find(pdq, 15)
    await database.execute(FILL_SLOT, {"slot": 15, "value": 0, "rows": 999})
    (still,) = await near.find(pdq, 15)
    await database.execute(Sql.same("INSERT INTO fingerprint_slot VALUES (15, 0, 2000000)"), {})

    assert (found.image_hash, still.image_hash) == (outcome.image_hash, outcome.image_hash)
    assert await near.find(pdq, 15) == []


async def test_of_very_many_neighbours_the_nearest_are_told(database: Database) -> None:
    pdq, chance = secrets.token_bytes(32), random.Random(3)
    far = [make_seen(with_bits_changed(pdq, chance.sample(range(256), 12))) for _ in range(MAX_NEIGHBOURS)]
    close = [make_seen(with_bits_changed(pdq, [number])) for number in range(9)]
    await write_outcomes(database, [*far, *close])

    found = await NearRepository(database).find(pdq, 15)

    assert len(found) == MAX_NEIGHBOURS
    assert {one.image_hash for one in found[:9]} == {one.image_hash for one in close}


async def test_while_the_database_is_away_nothing_is_near_and_the_caller_hears_why(database: Database) -> None:
    line = UnreliableDatabase(database, away=True)

    with pytest.raises(DatabaseUnavailable):
        await NearRepository(line).find(secrets.token_bytes(32), 10)


async def test_what_is_found_is_a_list_of_nothing_where_nobody_has_a_fingerprint(database: Database) -> None:
    await write_outcomes(database, [make_outcome(image_hash=make_image_hash())])

    assert await NearRepository(database).find(secrets.token_bytes(32), 10) == []
