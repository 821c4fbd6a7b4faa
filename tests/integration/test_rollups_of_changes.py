"""What operators change, and who has themselves erased, changes the sums of the statistics with it."""

import asyncio
import json
import random
import secrets
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.database import ConstraintError, Database, Sql
from app.drivers.build import open_database
from app.models.correction import Operator, Purge
from app.models.domain import LOCAL_MODEL, Category, Outcome
from app.models.identity import Alias, MatchedBy, Naming
from app.repositories.correction_repository import CorrectionRepository
from app.repositories.erasure_statements import ERASE_LATE
from app.repositories.history_repository import HistoryRepository, digest_of
from app.repositories.purge_repository import PurgeRepository
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.repositories.removal_statements import removal_of
from app.repositories.stats_repository import StatsRepository
from app.utils.days import last_days
from tests.conftest import make_settings
from tests.factories import make_classification, make_context, make_hit, make_image_hash, make_outcome, make_reply
from tests.integration.test_rollups import NOW, STEPS, UTC_ZONE, History, check_sums, take_step, wipe
from tests.support.records import apply_all, write_outcomes

OPERATOR = Operator("req-1", "ops", "192.0.2.1")
SPAN = last_days(NOW, UTC_ZONE, 8)
LATER = NOW + timedelta(hours=1)
NAMES = [f"c1:{make_image_hash()}" for _ in range(3)]
CHANGES = ["write names", "write late", "correct", "correct near", "remove", "purge", "erase"]
PERSONS = ["stats_member.member", "stats_user.user_id", "stats_outbox.records", "request_log.user_id"]


def named(outcome: Outcome, name: str, kind: MatchedBy = MatchedBy.CONTENT) -> Outcome:
    """Return an outcome whose photo is also known by another name."""
    alias = Alias(name, kind, 3 if kind is MatchedBy.NEAR else None)
    return make_outcome(
        image_hash=outcome.image_hash,
        reply=outcome.reply,
        created_at=outcome.created_at,
        naming=Naming(outcome.image_hash, (alias,)),
    )


async def remove(database: Database, image_hash: str) -> None:
    await CorrectionRepository(database).delete(image_hash, "asked about again", OPERATOR, LATER)


async def correct(database: Database, image_hash: str, neighbour: str | None = None) -> None:
    repository = CorrectionRepository(database)
    await repository.correct(image_hash, Category.PETS, "a dog", OPERATOR, NOW, neighbour=neighbour)


async def purge(database: Database, purge: Purge, limit: int = 100) -> None:
    repository = PurgeRepository(database)
    found = await repository.fetch_slice(purge, 0, await repository.fetch_last_id(), limit)
    if found:
        await repository.delete([image_hash for _, image_hash in found], purge, 0, "wrong", OPERATOR, LATER)


async def erase(database: Database, user: str, slice_rows: int = 100) -> None:
    repository = HistoryRepository(database)
    await repository.mark_erased(user, LATER)
    await repository.erase_slice(user, slice_rows=slice_rows)


def late(*outcomes: Outcome) -> RecordBatch:
    """Return a batch of these as it comes back from a spool."""
    return RecordBatch.from_json(RecordBatch.of(secrets.token_hex(16), 1, outcomes).to_json())


async def columns_that_hold(database: Database, text: str) -> list[str]:
    """Return those columns about persons that have a text somewhere."""
    found = []
    for column in PERSONS:
        table, name = column.split(".")
        ((rows,),) = await database.fetch_all(
            Sql.same(f"SELECT COUNT(*) FROM {table} WHERE INSTR({name}, :text) > 0"), {"text": text}
        )
        found += [column] * bool(rows)
    return found


async def take_change(database: Database, history: History, step: str) -> None:
    """Do one of the things that change rows which were written before."""
    chance = history.chance
    image, other = chance.sample(history.images, 2)
    match step:
        case "write names":
            kind = chance.choice([MatchedBy.CONTENT, MatchedBy.NEAR])
            paid = make_outcome(image_hash=image, created_at=NOW)
            await write_outcomes(database, [named(paid, chance.choice(NAMES), kind)])
        case "write late":
            await RecordRepository(database).write([RecordBatch.from_json(history.make_batch().to_json())])
        case "correct":
            await correct(database, image)
        case "correct near":
            await correct(database, image, other)
        case "remove":
            await remove(database, image)
        case "purge":
            await purge(database, Purge(category=chance.choice(list(Category))), chance.randrange(1, 4))
        case "erase":
            await erase(database, f"user-{chance.randrange(5)}", chance.randrange(1, 8))
        case _:
            await take_step(database, history, step)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],
)
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(st.sampled_from([*CHANGES, *CHANGES, *STEPS]), min_size=12, max_size=24),
)
async def test_whatever_is_changed_the_sums_are_those_of_the_rows(
    seed: int, steps: list[str], database: Database
) -> None:
    await wipe(database)
    history = History(random.Random(seed))

    for number, step in enumerate(["write several", *steps]):
        if number % 2 or step == "rebuild":  # a rebuild would mend what is wrong; else it stays wrong
            await check_sums(database, SPAN)
        await take_change(database, history, step)
    await check_sums(database, SPAN)
    await apply_all(database)

    await check_sums(database, SPAN)


@pytest.mark.parametrize("applied", [True, False])
async def test_answers_that_are_deleted_or_purged_leave_the_sums(applied: bool, database: Database) -> None:
    first, second, third = (make_outcome(created_at=NOW) for _ in range(3))
    await write_outcomes(database, [first, second, third, make_hit(first, created_at=NOW)])
    if applied:
        await apply_all(database)

    await remove(database, first.image_hash)
    await remove(database, first.image_hash)
    await check_sums(database, SPAN)
    await purge(database, Purge(model="gpt-6-luna"), limit=1)
    await check_sums(database, SPAN)

    assert (await StatsRepository(database).sum_cache()).images == 1


async def test_a_photo_that_gets_an_answer_of_its_own_by_a_correction_counts_once(database: Database) -> None:
    neighbour, own = make_outcome(created_at=NOW), make_image_hash()
    await write_outcomes(database, [neighbour])

    for _ in range(2):
        await correct(database, own, neighbour.image_hash)
        await check_sums(database, SPAN)

    assert (await StatsRepository(database).sum_cache()).images == 2


async def test_an_answer_that_gives_way_to_a_corrected_one_of_the_same_photo_leaves_the_sums(
    database: Database,
) -> None:
    first, other = make_outcome(created_at=NOW), make_outcome(created_at=NOW)
    await write_outcomes(database, [named(first, NAMES[0])])
    await correct(database, first.image_hash)

    await write_outcomes(database, [named(other, NAMES[0])])

    await check_sums(database, SPAN)
    assert (await StatsRepository(database).sum_cache()).images == 1


async def test_a_deleted_answer_that_comes_late_with_a_hit_is_in_no_sum_and_the_rest_is_written(
    database: Database,
) -> None:
    old, other = make_outcome(created_at=NOW), make_outcome(created_at=NOW)
    await write_outcomes(database, [old])
    await remove(database, old.image_hash)
    again = make_outcome(image_hash=old.image_hash, created_at=NOW)

    await RecordRepository(database).write([late(again, make_hit(old, created_at=NOW), other)])

    await check_sums(database, SPAN)
    log = Sql.same("SELECT COUNT(*) FROM request_log")
    assert await database.fetch_all(log, {}) == [(4,)]
    assert (await StatsRepository(database).sum_cache()).images == 1


async def test_an_answer_of_the_network_that_gives_way_to_a_surer_one_counts_anew(database: Database) -> None:
    image = make_image_hash()
    for confidence in (0.5, 0.9, 0.7):
        answer = make_reply(make_classification(Category.FOODS, confidence), LOCAL_MODEL)
        paid = make_outcome(image_hash=image, reply=answer, created_at=NOW)
        await write_outcomes(database, [paid, make_hit(paid, created_at=NOW)])
        await check_sums(database, SPAN)


@pytest.mark.parametrize("applied", [True, False])
async def test_an_erased_user_is_in_no_sum_and_the_requests_still_count(applied: bool, database: Database) -> None:
    user = f"device-{secrets.token_hex(8)}"
    paid = make_outcome(context=make_context(user, "192.0.2.99"), created_at=NOW)
    await write_outcomes(database, [paid, make_hit(paid, context=make_context(None), created_at=NOW), make_outcome()])
    if applied:
        await apply_all(database)
        assert await columns_that_hold(database, user) == ["stats_member.member", "stats_user.user_id", PERSONS[3]]

    await erase(database, user)

    await check_sums(database, SPAN)
    totals = (await StatsRepository(database).sum_requests(SPAN))[-1]
    assert (totals.requests, totals.unique_users, totals.unique_ips) == (2, 0, 1)
    assert await StatsRepository(database).fetch_user(user) is None
    await apply_all(database)
    await check_sums(database, SPAN)
    assert [await columns_that_hold(database, text) for text in (user, "192.0.2.99")] == [[], []]


async def test_a_user_who_was_erased_before_the_records_came_is_in_no_sum(database: Database) -> None:
    user = f"device-{secrets.token_hex(8)}"
    context = make_context(user, "192.0.2.99")
    await erase(database, user)

    await RecordRepository(database).write([late(make_outcome(context=context, created_at=NOW), make_outcome())])

    await check_sums(database, SPAN)
    assert (await StatsRepository(database).sum_requests(SPAN))[-1].unique_users == 0
    await apply_all(database)
    await check_sums(database, SPAN)
    assert [await columns_that_hold(database, text) for text in (user, "192.0.2.99")] == [[], []]


async def test_changes_at_the_same_moment_as_records_and_erasures_count_once(database: Database) -> None:
    images = [make_image_hash() for _ in range(3)]

    async def write(number: int) -> None:
        paid = make_outcome(image_hash=images[number % 3], context=make_context(f"user-{number % 2}"), created_at=NOW)
        await RecordRepository(database).write([late(paid), late(make_hit(paid, created_at=NOW))])

    async def change(number: int) -> None:
        image = images[number % 3]
        if number % 2:
            await remove(database, image)
        else:
            await erase(database, f"user-{number % 4 // 2}", 3)

    await asyncio.gather(*(work(number) for number in range(12) for work in (write, change)))

    await check_sums(database, SPAN)
    await apply_all(database)
    await check_sums(database, SPAN)


async def test_more_deleted_than_was_counted_undoes_all(mysql_settings: dict[str, Any]) -> None:
    """As where another transaction brings an answer between the two."""
    first, second = make_outcome(created_at=NOW), make_outcome(created_at=NOW)
    database = await open_database(make_settings(**mysql_settings))
    await write_outcomes(database, [first, second])
    leave, delete, expect = removal_of([first.image_hash], [])[-3:]
    more = removal_of([first.image_hash, second.image_hash], [])[-2][1]

    with pytest.raises(ConstraintError):
        await database.commit([leave, (delete[0], more), expect])

    await check_sums(database, SPAN)
    assert (await StatsRepository(database).sum_cache()).images == 2
    await database.close()


async def test_more_erased_than_was_counted_undoes_all(mysql_settings: dict[str, Any]) -> None:
    """As where the mark that a user is erased comes between the two."""
    user = f"device-{secrets.token_hex(8)}"
    paid = make_outcome(context=make_context(user), created_at=NOW)
    database = await open_database(make_settings(**mysql_settings))
    await write_outcomes(database, [paid])
    await HistoryRepository(database).mark_erased(user, LATER)
    rows = {"rows": json.dumps([(paid.request_id, digest_of(user))])}
    (leave, _), erase_late, expect = ERASE_LATE.statements(rows)

    with pytest.raises(ConstraintError):
        await database.commit([(leave, {"rows": "[]"}), erase_late, expect])

    await check_sums(database, SPAN)
    assert "request_log.user_id" in await columns_that_hold(database, user)
    await database.close()
