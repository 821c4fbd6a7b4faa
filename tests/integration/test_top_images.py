"""The images with the most hits, and the most hits of one, whatever the hits are."""

import random

import pytest

from app.database import Database, Sql
from app.repositories.stats_repository import StatsRepository
from tests.factories import make_outcome
from tests.support.records import write_outcomes

IMAGES = 60
SET_HITS = Sql.same("UPDATE image_classification_cache SET hit_count = :hits WHERE image_hash = :image_hash")
SET_CATEGORY = Sql.same("UPDATE image_classification_cache SET category = 'unknown' WHERE image_hash = :image_hash")
RANKING = Sql.same("""
SELECT image_hash FROM image_classification_cache WHERE category <> 'unknown' ORDER BY hit_count DESC, id DESC
""")
EDGES = [1, 3, 4, 5, 15, 16, 17, 63, 64, 4**15 - 1, 4**15, 2**32 - 1]
"""Around powers of four, and the largest number that the column takes."""


@pytest.mark.parametrize("most", [1, 3, 20, 300, 2**32 - 1])
async def test_the_first_images_are_those_of_a_scan(most: int, database: Database) -> None:
    chance = random.Random(most)
    outcomes = [make_outcome() for _ in range(IMAGES)]
    await write_outcomes(database, outcomes)
    numbers = [number for number in EDGES if number <= most]
    for outcome in outcomes:
        hits = chance.choice(numbers) if chance.random() < 0.5 else chance.randrange(1, min(most, 1000) + 1)
        await database.execute(SET_HITS, {"hits": hits, "image_hash": outcome.image_hash})
    for outcome in chance.sample(outcomes, 5):  # what none of our categories is is not told
        await database.execute(SET_CATEGORY, {"image_hash": outcome.image_hash})
    scanned = [row[0] for row in await database.fetch_all(RANKING, {})]

    for limit in (1, 7, 10, IMAGES, 100):
        told = await StatsRepository(database).fetch_top_images(limit)
        assert [image.image_hash for image in told] == scanned[:limit]


@pytest.mark.parametrize("hits", [[], [1], [3, 4, 3], [63, 62, 70, 64], EDGES])
async def test_the_most_hits_of_one_image_are_those_of_a_scan(hits: list[int], database: Database) -> None:
    outcomes = [make_outcome() for _ in hits]
    await write_outcomes(database, outcomes)
    for outcome, number in zip(outcomes, hits, strict=True):
        await database.execute(SET_HITS, {"hits": number, "image_hash": outcome.image_hash})

    assert (await StatsRepository(database).sum_cache()).max_hits == max(hits, default=0)
