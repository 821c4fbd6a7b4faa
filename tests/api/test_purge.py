"""Many answers are deleted at once, and only those that are meant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.database import Database
from app.models.correction import Purge
from app.models.domain import Category
from app.models.identity import Alias, MatchedBy, Naming
from app.repositories.purge_repository import PurgeRepository
from tests.api.calls import check_cache, classify, get_data
from tests.api.test_corrections import correct, count, until_all_say
from tests.factories import (
    make_classification,
    make_content_name,
    make_fingerprint,
    make_image,
    make_outcome,
    make_reply,
)
from tests.support.records import fetch_known, write_outcomes

pytestmark = pytest.mark.on_both_databases

NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
WHY = "the old prompt was wrong about pets"


async def purge(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post("/cache/purge", json={"reason": WHY, **body})
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


@pytest.fixture
async def answers(database: Database) -> dict[str, str]:
    """Answers that differ in one respect each from `plain`, by what that is."""
    pets = make_classification(Category.PETS)
    outcomes = {
        "plain": make_outcome(created_at=NOON),
        "model": make_outcome(created_at=NOON, reply=make_reply(model_used="gpt-5")),
        "category": make_outcome(created_at=NOON, reply=make_reply(pets)),
        "younger": make_outcome(created_at=NOON + timedelta(days=1)),
    }
    await write_outcomes(database, list(outcomes.values()))
    return {name: outcome.image_hash for name, outcome in outcomes.items()}


async def left(database: Database, answers: dict[str, str]) -> set[str]:
    return {name for name, image_hash in answers.items() if await fetch_known(database, image_hash)}


@pytest.mark.parametrize(
    ("meant", "gone"),
    [
        ({"model": "gpt-5"}, {"model"}),
        ({"category": "pets"}, {"category"}),
        ({"before": "2025-10-11T12:00:00Z"}, {"plain", "model", "category"}),
        ({"before": "2025-10-11T12:00:00+02:00"}, {"plain", "model", "category"}),
        ({"before": "2025-10-10T13:00:00+02:00"}, set()),
        ({"prompt_version": "1"}, {"plain", "model", "category", "younger"}),
        ({"prompt_version": "2"}, set()),
        ({"model": "gpt-6-luna", "category": "foods", "before": "2025-10-11T00:00:00Z"}, {"plain"}),
    ],
)
async def test_those_go_that_all_of_what_is_given_fits_and_a_dry_run_counts_them(
    meant: dict[str, str], gone: set[str], client: httpx.AsyncClient, database: Database, answers: dict[str, str]
) -> None:
    counted = await purge(client, dry_run=True, **meant)
    assert counted == {"matched": len(gone), "deleted": 0, "complete": False}
    assert await left(database, answers) == set(answers)

    purged = await purge(client, **meant)

    assert purged == {"matched": len(gone), "deleted": len(gone), "complete": True}
    assert await left(database, answers) == set(answers) - gone


async def test_a_purge_takes_names_and_looks_along(client: httpx.AsyncClient, database: Database) -> None:
    for model in ("gpt-5", "gpt-6-luna"):
        paid = make_outcome(reply=make_reply(model_used=model))
        aliases = (Alias(make_content_name(), MatchedBy.CONTENT),)
        paid.naming = Naming(paid.image_hash, aliases, make_fingerprint())
        await write_outcomes(database, [paid])

    await purge(client, model="gpt-5")

    tables = ("image_classification_cache", "image_alias", "image_fingerprint", "fingerprint_slot")
    assert [await count(database, table) for table in tables] == [1, 1, 1, 16]


async def test_corrected_answers_stay_unless_they_are_named(
    client: httpx.AsyncClient, database: Database, answers: dict[str, str]
) -> None:
    await correct(client, answers["plain"])

    await purge(client, category="pets")
    assert await left(database, answers) == {"plain", "model", "younger"}

    assert (await purge(client, model="operator"))["deleted"] == 1
    assert await left(database, answers) == {"model", "younger"}


async def test_a_purge_of_several_slices_is_complete_and_one_entry_of_the_audit(
    client: httpx.AsyncClient, database: Database
) -> None:
    await write_outcomes(database, [make_outcome() for _ in range(1100)])

    purged = await purge(client, model="gpt-6-luna")

    assert purged == {"matched": 1100, "deleted": 1100, "complete": True}
    (entry,) = await get_data(client, "/audit")
    assert (entry["action"], entry["reason"], entry["image_hash"]) == ("purge", WHY, None)
    assert entry["purged"] == {
        "model": "gpt-6-luna",
        "prompt_version": None,
        "category": None,
        "before": None,
        "deleted": 1100,
    }


async def test_a_purge_of_nothing_and_a_dry_run_leave_no_audit(client: httpx.AsyncClient, database: Database) -> None:
    await write_outcomes(database, [make_outcome()])

    await purge(client, model="gpt-5")
    await purge(client, model="gpt-6-luna", dry_run=True)

    assert await count(database, "audit") == 0


async def test_three_processes_forget_what_was_purged_within_two_seconds(processes: list[httpx.AsyncClient]) -> None:
    image = make_image()
    said = [await classify(process, image) for process in processes]

    await purge(processes[0], category=said[0]["data"]["category"])

    await until_all_say(processes, image, None)
    assert (await check_cache(processes[2], image))["cached"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dry_run": True},
        {"model": "", "reason": WHY},
        {"modell": "gpt-5", "category": "pets", "reason": WHY},
        {"category": "cats", "reason": WHY},
        {"before": "2025-10-10T12:00:00", "reason": WHY},
        {"before": "yesterday", "reason": WHY},
        {"model": "gpt-6-luna"},
        {"reason": WHY},
        {"model": None, "reason": WHY},
    ],
)
async def test_a_purge_that_says_too_little_or_something_else_deletes_nothing(
    body: dict[str, Any], client: httpx.AsyncClient, database: Database, answers: dict[str, str]
) -> None:
    response = await client.post("/cache/purge", json=body)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")
    assert await left(database, answers) == set(answers)


async def test_a_slice_ends_at_its_limit_and_at_its_last_id(database: Database, answers: dict[str, str]) -> None:
    repository = PurgeRepository(database)
    last = await repository.fetch_last_id()
    first = await repository.fetch_slice(Purge(prompt_version="1"), 0, last, 3)
    rest = await repository.fetch_slice(Purge(prompt_version="1"), first[-1][0], last, 3)

    assert [len(first), len(rest)] == [3, 1]
    assert {image_hash for _, image_hash in first + rest} == set(answers.values())
    assert await repository.fetch_slice(Purge(prompt_version="1"), 0, first[0][0] - 1, 3) == []
