"""Which answer may stand for a photo that looks alike."""

import pytest

from app.errors import DatabaseUnavailable
from app.models.domain import Category
from app.models.identity import Fingerprint
from app.models.near import MAX_NEIGHBOURS, Neighbour
from app.observe.metrics import Metrics
from app.services.identity.near import NearSearch
from tests.support.near import FakeNeighbours

PHOTO = Fingerprint(pdq=bytes(range(32)), quality=100, width=4000, height=3000)


def neighbour(
    name: str = "a",
    distance: int = 2,
    width: int = 1024,
    height: int = 768,
    category: Category | None = Category.PETS,
    confidence: float = 0.9,
) -> Neighbour:
    return Neighbour(name * 64, distance, width, height, category, confidence, image_size=1000)


async def find(*near: Neighbour, photo: Fingerprint = PHOTO) -> Neighbour | None:
    return await NearSearch(FakeNeighbours(list(near)), 10, Metrics()).find(photo)


async def test_the_nearest_answer_stands_for_the_photo() -> None:
    nearest = neighbour("a", distance=2)

    assert await find(nearest, neighbour("b", distance=3)) == nearest


async def test_where_nothing_is_near_nothing_is_found() -> None:
    assert await find() is None


async def test_what_is_looked_for_is_the_photos_pdq_within_the_distance_that_is_set() -> None:
    table = FakeNeighbours()

    await NearSearch(table, 7, Metrics()).find(PHOTO)

    assert table.asked == [(PHOTO.pdq, 7)]


@pytest.mark.parametrize(("quality", "looks"), [(50, True), (49, False)])
async def test_a_photo_with_too_little_to_see_is_not_looked_for(quality: int, looks: bool) -> None:
    table = FakeNeighbours([neighbour()])

    found = await NearSearch(table, 10, Metrics()).find(Fingerprint(PHOTO.pdq, quality, 4000, 3000))

    assert (found is not None, len(table.asked)) == (looks, looks)


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [
        (1024, 768, True),
        (102, 75, True),  # 2 % wider
        (1021, 750, False),
        (1000, 765, True),  # 2 % taller
        (1000, 766, False),
        (768, 1024, False),
        (0, 0, False),  # no row of ours
    ],
)
async def test_only_an_answer_of_the_photos_shape_stands_for_it(width: int, height: int, fits: bool) -> None:
    assert (await find(neighbour(width=width, height=height)) is not None) == fits


async def test_a_nearer_one_of_another_shape_is_passed_over() -> None:
    fitting = neighbour("b", distance=5)

    assert await find(neighbour("a", distance=1, width=1000, height=1000), fitting) == fitting


DOUBTS = {
    "an identity card": neighbour("b", distance=9, category=Category.IDCARD),
    "an unknown category": neighbour("b", distance=9, category=None),
    "an unsure answer": neighbour("b", distance=9, confidence=0.4999),
    "another category": neighbour("b", distance=9, category=Category.FOODS),
}


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=list(DOUBTS))
@pytest.mark.parametrize("square", [False, True])
async def test_one_doubtful_neighbour_of_any_shape_is_enough_to_serve_none(doubt: Neighbour, square: bool) -> None:
    if square:
        doubt = Neighbour(doubt.image_hash, 9, 100, 100, doubt.category, doubt.confidence, doubt.image_size)

    assert await find(neighbour(), doubt) is None


async def test_identity_cards_stand_for_nothing_even_where_all_are_cards() -> None:
    assert await find(*(neighbour(category=Category.IDCARD) for _ in range(3))) is None


async def test_an_answer_of_half_confidence_may_stand() -> None:
    assert await find(neighbour(confidence=0.5)) is not None


async def test_where_more_are_near_than_can_be_looked_at_nothing_is_found() -> None:
    crowd = [neighbour()] * MAX_NEIGHBOURS

    assert await find(*crowd) is None
    assert await find(*crowd[1:]) is not None


async def test_each_look_is_timed_those_that_fail_too() -> None:
    metrics = Metrics()
    await NearSearch(FakeNeighbours(), 10, metrics).find(PHOTO)
    with pytest.raises(DatabaseUnavailable):
        await NearSearch(FakeNeighbours(away=True), 10, metrics).find(PHOTO)

    assert sum(metrics.near_seconds.tallies[()].counts) == 2
