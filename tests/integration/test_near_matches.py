"""Near matches on both databases: which answers stand for another photo, and that all processes, each with connections
of its own, decide alike whether they are served."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.database import Database
from app.drivers.build import open_database
from app.models.domain import Category, Outcome
from app.models.identity import Fingerprint, Naming, Trial
from app.observe.metrics import Metrics
from app.repositories.near_repository import NearRepository
from app.repositories.trial_repository import TrialRepository
from app.services.identity.build import NearParts, build_near
from app.services.identity.near import NearSearch
from app.services.identity.trials import Evidence, NearMode
from tests.conftest import make_settings
from tests.factories import make_classification, make_fingerprint, make_image_hash, make_outcome, make_reply
from tests.support.records import write_outcomes

SERVED = Category.PETS


def make_paid(fingerprint: Fingerprint, category: Category = SERVED, confidence: float = 0.9) -> Outcome:
    """Return a paid answer that can be found by what its photo looks like."""
    outcome = make_outcome(reply=make_reply(make_classification(category, confidence)))
    outcome.naming = Naming(outcome.image_hash, fingerprint=fingerprint)
    return outcome


def make_alike(fingerprint: Fingerprint, bits: int, width: int = 1024, height: int = 768) -> Fingerprint:
    """Return what a smaller version of a photo looks like: so many bits are other ones."""
    other = int.from_bytes(fingerprint.pdq) ^ sum(1 << 25 * bit for bit in range(bits))
    return make_fingerprint(pdq=other.to_bytes(32), width=width, height=height)


def make_trial(category: Category) -> Outcome:
    """Return an upload for which `SERVED` would have been served, and what the model said."""
    trial = Trial(make_image_hash(), distance=4, category=SERVED)
    return make_outcome(reply=make_reply(make_classification(category)), trial=trial)


async def find(database: Database, fingerprint: Fingerprint) -> str | None:
    found = await NearSearch(NearRepository(database), 10, Metrics()).find(fingerprint)
    return found.image_hash if found else None


async def test_the_answer_of_a_photo_that_looks_alike_is_found_and_that_of_another_is_not(database: Database) -> None:
    photo = make_fingerprint()
    paid = make_paid(photo)
    await write_outcomes(database, [paid, make_paid(make_fingerprint(), Category.FOODS)])

    assert await find(database, make_alike(photo, bits=10)) == paid.image_hash
    assert await find(database, make_alike(photo, bits=11)) is None
    assert await find(database, make_alike(photo, bits=4, width=1024, height=1024)) is None


@pytest.mark.parametrize(
    ("category", "confidence"), [(Category.IDCARD, 0.9), (SERVED, 0.4), (Category.FOODS, 0.9)], ids=str
)
async def test_one_doubtful_answer_in_reach_is_enough_to_serve_none(
    category: Category, confidence: float, database: Database
) -> None:
    photo = make_fingerprint()
    await write_outcomes(database, [make_paid(photo)])
    assert await find(database, photo) is not None

    await write_outcomes(database, [make_paid(make_alike(photo, 9, height=1024), category, confidence)])

    assert await find(database, photo) is None


@pytest.fixture
async def processes(database_settings: dict[str, Any], database: Database) -> AsyncIterator[list[NearMode]]:
    """Three, each with its own connections, whose clocks pass a second at each look."""
    async with AsyncExitStack() as stack:
        modes = []
        for _ in range(3):
            opened = await open_database(make_settings(**database_settings))
            stack.push_async_callback(opened.close)
            modes.append(start(opened))
        yield modes


def start(database: Database) -> NearMode:
    seconds = itertools.count(step=1.0)
    return NearMode("auto", 0.02, Evidence(TrialRepository(database), lambda: next(seconds)))


async def test_all_processes_begin_and_stop_together_and_a_restart_changes_nothing(
    database: Database, processes: list[NearMode]
) -> None:
    async def decisions() -> set[bool]:
        return {await mode.serves() for mode in [*processes, start(database)]}

    await write_outcomes(database, [make_trial(SERVED) for _ in range(299)])
    assert await decisions() == {False}
    await write_outcomes(database, [make_trial(SERVED)])
    assert await decisions() == {True}
    await write_outcomes(database, [make_trial(SERVED) for _ in range(900)])
    assert await decisions() == {True}

    wrong = 0
    while await decisions() == {True}:
        await write_outcomes(database, [make_trial(Category.FOODS)])
        wrong += 1

    assert wrong == 12  # of the latest 1,000
    assert await decisions() == {False}


async def test_the_parts_are_built_on_the_settings(database: Database, database_settings: dict[str, Any]) -> None:
    settings = make_settings(**database_settings, near_duplicates="serve", near_max_distance=3)
    photo = make_fingerprint()
    await write_outcomes(database, [make_paid(photo)])

    near: NearParts = build_near(settings, NearRepository(database), TrialRepository(database), Metrics())

    assert await near.mode.serves()
    assert await near.search.find(make_alike(photo, bits=3)) is not None
    assert await near.search.find(make_alike(photo, bits=4)) is None
