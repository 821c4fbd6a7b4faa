"""What is written is what is read back, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from loguru import logger

from app.database import Database, Sql
from app.drivers.build import open_database
from app.models.domain import EARLIER_LOCAL_MODEL, LOCAL_MODEL, Category, Outcome
from app.repositories.cache_repository import CacheRepository
from app.repositories.request_log_repository import RequestLogRepository
from app.repositories.stats_repository import StatsRepository
from app.utils.days import last_days
from tests.conftest import make_settings
from tests.factories import (
    make_call,
    make_classification,
    make_context,
    make_failure,
    make_hit,
    make_image_hash,
    make_outcome,
    make_reply,
)
from tests.support.records import fetch_one, rebuild, write_outcomes

COUNTED = ("Questions", "Com_begin", "Com_commit", "Com_rollback", "Com_show_warnings")


@pytest.fixture
async def one_connection(mysql_settings: dict[str, Any]) -> AsyncIterator[Database]:
    opened = await open_database(make_settings(**mysql_settings, mysql_pool_size=1))
    yield opened
    await opened.close()


async def read_row(database: Database, image_hash: str) -> dict[str, Any]:
    columns = ("category", "model_used", "prompt_version", "input_tokens", "output_tokens", "hit_count", "description")
    sql = Sql.same(f"SELECT {', '.join(columns)} FROM image_classification_cache WHERE image_hash = :image_hash")
    (row,) = await database.fetch_all(sql, {"image_hash": image_hash})
    return dict(zip(columns, row, strict=True))


async def test_a_new_result_can_be_looked_up(database: Database) -> None:
    outcome = make_outcome()

    await write_outcomes(database, [outcome])

    found = await fetch_one(database, outcome.image_hash, include_local=False)
    assert found == outcome.classification


async def test_a_new_result_keeps_the_model_the_prompt_and_the_tokens(database: Database) -> None:
    outcome = make_outcome(reply=make_reply(model_used="gpt-6-luna"))

    await write_outcomes(database, [outcome])

    row = await read_row(database, outcome.image_hash)
    assert row["model_used"] == "gpt-6-luna"
    assert (row["prompt_version"], row["input_tokens"], row["output_tokens"]) == ("1", 412, 37)


async def test_text_of_any_language_comes_back_as_it_was(database: Database) -> None:
    text = "日落 🐱 'quoted' \"double\" back\\slash 100% :name {brace}"
    outcome = make_outcome(reply=make_reply(make_classification(description=text)))

    await write_outcomes(database, [outcome])

    found = await fetch_one(database, outcome.image_hash, include_local=False)
    assert found is not None
    assert found.description == text


async def test_a_result_that_was_edited_into_nonsense_fails_nobody_else(database: Database) -> None:
    broken, sound = make_outcome(), make_outcome()
    await write_outcomes(database, [broken, sound])
    edit = Sql.same("UPDATE image_classification_cache SET category = 'pet' WHERE image_hash = :image_hash")
    await database.execute(edit, {"image_hash": broken.image_hash})

    found = await CacheRepository(database, local_from=0).fetch_many([broken.image_hash, sound.image_hash])

    assert {name: answer.classification for name, answer in found.items()} == {sound.image_hash: sound.classification}


async def test_a_missing_description_stays_missing(database: Database) -> None:
    outcome = make_outcome(reply=make_reply(make_classification(description=None)))

    await write_outcomes(database, [outcome])

    found = await fetch_one(database, outcome.image_hash, include_local=False)
    assert found is not None
    assert found.description is None


async def test_a_record_comes_back_as_it_was(database: Database) -> None:
    outcome = make_outcome()

    await write_outcomes(database, [outcome])

    record = await RequestLogRepository(database).fetch_one(outcome.context.request_id)
    assert record is not None
    assert record.user_id == "device-42"
    assert record.image_hash == outcome.image_hash
    assert record.image_size == 412678
    assert (record.category, record.confidence) == (Category.FOODS, 0.92)
    assert record.from_cache is False
    assert record.processing_time_ms == 1523
    assert record.created_at == outcome.created_at


async def test_a_record_without_user_address_and_size_has_none(database: Database) -> None:
    outcome = make_outcome(context=make_context(user_id=None, ip_address=None), image_size=None)

    await write_outcomes(database, [outcome])

    record = await RequestLogRepository(database).fetch_one(outcome.context.request_id)
    assert record is not None
    assert record.user_id is None
    assert record.image_size is None


async def test_the_first_result_of_an_image_stays(database: Database) -> None:
    first = make_outcome()
    second = make_outcome(
        image_hash=first.image_hash, reply=make_reply(make_classification(Category.PETS), model_used="other")
    )

    await write_outcomes(database, [first])
    await write_outcomes(database, [second])

    row = await read_row(database, first.image_hash)
    assert (row["category"], row["model_used"], row["hit_count"]) == ("foods", "gpt-6-luna", 2)


@pytest.mark.parametrize("local", [EARLIER_LOCAL_MODEL, LOCAL_MODEL])
async def test_a_model_answer_replaces_that_of_none_whole_and_its_counts_begin_anew(
    local: str, database: Database
) -> None:
    guess = make_outcome(reply=make_reply(make_classification(Category.OTHER, 0.2), model_used=local))
    answer = make_outcome(
        image_hash=guess.image_hash,
        reply=make_reply(make_classification(Category.PETS, 0.99)),
        created_at=guess.created_at + timedelta(days=1),
    )
    await write_outcomes(database, [guess, make_outcome(image_hash=guess.image_hash, reply=None)])

    await write_outcomes(database, [answer])

    row = await read_row(database, guess.image_hash)
    assert (row["category"], row["model_used"], row["hit_count"]) == ("pets", "gpt-6-luna", 1)
    assert row["description"] == answer.classification.description
    (image,) = await StatsRepository(database).fetch_top_images(10)
    assert image.created_at == answer.created_at


@pytest.mark.parametrize("guess_comes_first", [True, False])
async def test_of_a_guess_and_an_answer_written_together_the_answer_stays(
    guess_comes_first: bool, database: Database
) -> None:
    guess = make_outcome(reply=make_reply(model_used=LOCAL_MODEL))
    answer = make_outcome(image_hash=guess.image_hash, reply=make_reply(make_classification(Category.PETS)))

    await write_outcomes(database, [guess, answer] if guess_comes_first else [answer, guess])

    row = await read_row(database, guess.image_hash)
    assert (row["category"], row["hit_count"]) == ("pets", 2)


async def test_a_guess_that_comes_again_is_one_more_answer(database: Database) -> None:
    guess = make_outcome(reply=make_reply(model_used=LOCAL_MODEL))

    await write_outcomes(database, [guess])
    await write_outcomes(database, [guess])

    assert (await read_row(database, guess.image_hash))["hit_count"] == 2


@pytest.mark.parametrize("model", ["gpt-6-luna", LOCAL_MODEL])
async def test_a_row_whose_category_is_none_of_ours_is_replaced_by_the_next_answer(
    model: str, database: Database
) -> None:
    broken = make_outcome()
    await write_outcomes(database, [broken])
    await spoil(database, "image_classification_cache", broken)
    assert await fetch_one(database, broken.image_hash, include_local=False) is None
    answer = make_outcome(image_hash=broken.image_hash, reply=make_reply(make_classification(Category.PETS), model))

    await write_outcomes(database, [answer])

    row = await read_row(database, broken.image_hash)
    assert (row["category"], row["model_used"], row["hit_count"]) == ("pets", model, 1)


async def test_a_row_whose_category_is_none_of_ours_is_reported_once(database: Database) -> None:
    broken = make_outcome()
    await write_outcomes(database, [broken])
    await spoil(database, "image_classification_cache", broken)
    cache = CacheRepository(database, local_from=None)
    lines: list[object] = []
    sink = logger.add(lines.append, filter=lambda record: record["level"].name == "ERROR")

    for _ in range(3):
        assert await cache.fetch_many([broken.image_hash]) == {}

    logger.remove(sink)
    assert len(lines) == 1


async def test_statistics_leave_out_rows_whose_category_is_none_of_ours(database: Database) -> None:
    broken, sound = make_outcome(), make_outcome()
    await write_outcomes(database, [broken, sound, make_hit(broken)])
    await spoil(database, "image_classification_cache", broken)
    await spoil(database, "request_log", broken)
    await rebuild(database)
    stats = StatsRepository(database)
    span = last_days(sound.created_at, ZoneInfo("UTC"), 1)

    assert [image.image_hash for image in await stats.fetch_top_images(1)] == [sound.image_hash]
    assert [(row.category, row.requests) for row in await stats.sum_categories(span)] == [(Category.FOODS, 1)]
    assert await RequestLogRepository(database).fetch_one(broken.context.request_id) is None


@pytest.mark.parametrize("network_comes_first", [True, False])
async def test_the_networks_answer_replaces_that_of_the_colour_rules_and_not_the_other_way_round(
    network_comes_first: bool, database: Database
) -> None:
    network = make_outcome(reply=make_reply(make_classification(Category.PETS), model_used=LOCAL_MODEL))
    rules = make_outcome(image_hash=network.image_hash, reply=make_reply(model_used=EARLIER_LOCAL_MODEL))

    for outcome in (network, rules) if network_comes_first else (rules, network):
        await write_outcomes(database, [outcome])

    assert (await read_row(database, network.image_hash))["category"] == "pets"


@pytest.mark.parametrize("local", [EARLIER_LOCAL_MODEL, LOCAL_MODEL])
async def test_an_answer_that_no_model_gave_replaces_no_models(local: str, database: Database) -> None:
    answer = make_outcome(reply=make_reply(make_classification(Category.PETS)))
    guess = make_outcome(image_hash=answer.image_hash, reply=make_reply(model_used=local))

    await write_outcomes(database, [answer])
    await write_outcomes(database, [guess])

    assert (await read_row(database, answer.image_hash))["category"] == "pets"


async def test_answers_of_the_colour_rules_are_found_no_more(database: Database) -> None:
    guess = make_outcome(reply=make_reply(model_used=EARLIER_LOCAL_MODEL))
    await write_outcomes(database, [guess])

    assert await fetch_one(database, guess.image_hash, include_local=False) is None
    assert await fetch_one(database, guess.image_hash, include_local=True) is None


async def test_answers_of_the_network_are_found_only_when_asked_for(database: Database) -> None:
    guess = make_outcome(reply=make_reply(model_used=LOCAL_MODEL))
    await write_outcomes(database, [guess])

    assert await fetch_one(database, guess.image_hash, include_local=False) is None
    assert await fetch_one(database, guess.image_hash, include_local=True) == guess.classification


async def test_hits_of_one_batch_are_summed_by_image(database: Database) -> None:
    popular, quiet = make_outcome(), make_outcome()
    await write_outcomes(database, [popular, quiet])

    await write_outcomes(
        database,
        [make_outcome(image_hash=popular.image_hash, reply=None) for _ in range(5)]
        + [make_outcome(image_hash=quiet.image_hash, reply=None)],
    )

    assert (await read_row(database, popular.image_hash))["hit_count"] == 6
    assert (await read_row(database, quiet.image_hash))["hit_count"] == 2


async def test_a_hit_moves_the_last_hit_forward_and_never_back(database: Database) -> None:
    created = datetime(2025, 10, 1, 8, 0, tzinfo=UTC)
    later = datetime(2025, 10, 3, 8, 0, tzinfo=UTC)
    outcome = make_outcome(created_at=created)
    await write_outcomes(database, [outcome])

    await write_outcomes(database, [make_outcome(image_hash=outcome.image_hash, reply=None, created_at=later)])
    await write_outcomes(database, [make_outcome(image_hash=outcome.image_hash, reply=None, created_at=created)])

    (image,) = await StatsRepository(database).fetch_top_images(10)
    assert (image.created_at, image.last_hit_at) == (created, later)


@pytest.mark.parametrize("apart", [timedelta(), timedelta(hours=1)])
async def test_hits_of_one_batch_count_for_their_images_alone(apart: timedelta, database: Database) -> None:
    """Whether they are alike or not: there is a statement for either."""
    created, later = datetime(2025, 10, 1, 8, tzinfo=UTC), datetime(2025, 10, 3, 8, tzinfo=UTC)
    first, second, other = (make_outcome(created_at=created) for _ in range(3))
    await write_outcomes(database, [first, second, other])

    await write_outcomes(
        database,
        [
            make_outcome(image_hash=first.image_hash, reply=None, created_at=later),
            make_outcome(image_hash=second.image_hash, reply=None, created_at=later + apart),
        ],
    )

    images = {image.image_hash: image for image in await StatsRepository(database).fetch_top_images(10)}
    assert {name: (image.hit_count, image.last_hit_at) for name, image in images.items()} == {
        first.image_hash: (2, later),
        second.image_hash: (2, later + apart),
        other.image_hash: (1, created),
    }


async def test_the_same_record_written_twice_is_one_row(database: Database) -> None:
    outcome = make_outcome(reply=None)

    await write_outcomes(database, [outcome])
    await write_outcomes(database, [outcome])

    rows = await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {})
    assert rows == [(1,)]


async def test_an_outcome_that_is_not_logged_leaves_no_record(database: Database) -> None:
    await write_outcomes(database, [make_outcome(logged=False)])

    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {}) == [(0,)]


async def test_user_ids_that_differ_in_case_or_accents_are_different_users(database: Database) -> None:
    names = ["jose", "JOSE", "José"]

    await write_outcomes(database, [make_outcome(context=make_context(user_id=name)) for name in names])

    users = await StatsRepository(database).fetch_top_users(10)
    assert sorted(user.user_id for user in users) == sorted(names)


async def test_concurrent_batches_over_the_same_images_lose_no_hit(database: Database) -> None:
    images = [make_image_hash() for _ in range(20)]
    await write_outcomes(database, [make_outcome(image_hash=image) for image in images])

    batches = [[make_outcome(image_hash=image, reply=None) for image in reversed(images)] for _ in range(20)]
    await asyncio.gather(*(write_outcomes(database, batch) for batch in batches))

    totals = await StatsRepository(database).sum_cache()
    assert totals.hits == 20 + 20 * 20


async def test_a_second_answer_to_an_image_is_no_second_row_but_counts(database: Database) -> None:
    first = make_outcome()
    again = make_outcome(image_hash=first.image_hash)

    await write_outcomes(database, [first, again])
    await write_outcomes(database, [again])

    assert (await read_row(database, first.image_hash))["hit_count"] == 3


@pytest.mark.parametrize("number", [1, 10, 500])
async def test_a_batch_of_any_size_is_twelve_statements_in_one_transaction_and_no_warning_is_asked_for(
    number: int, one_connection: Database
) -> None:
    """As MySQL counts them, so that nothing that the driver sends of its own accord is missed."""
    known = [make_outcome() for _ in range(number)]
    await write_outcomes(one_connection, known)
    hits = [make_outcome(image_hash=outcome.image_hash, reply=None) for outcome in known]
    new = [make_outcome(calls=(make_call(),)) for _ in range(number)]

    before = await count_statements(one_connection)
    await write_outcomes(one_connection, [*hits, *new, *(make_failure() for _ in range(number))])
    after = await count_statements(one_connection)

    # Twelve, the transaction's two, and the one that counts.
    assert [after[name] - before[name] for name in COUNTED] == [15, 1, 1, 0, 0]


async def count_statements(database: Database) -> dict[str, int]:
    """Return the counters of the pool's one connection."""
    rows = await database.fetch_all(Sql.same("SHOW SESSION STATUS"), {})
    return {name: int(value) for name, value in rows if name in COUNTED}


async def spoil(database: Database, table: str, outcome: Outcome) -> None:
    """Give the rows of an outcome's image a category that there is not."""
    sql = Sql.same(f"UPDATE {table} SET category = 'pet' WHERE image_hash = :image_hash")
    await database.execute(sql, {"image_hash": outcome.image_hash})
