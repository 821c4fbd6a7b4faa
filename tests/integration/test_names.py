"""An answer is found by each of its names, and each hit counts on the one row that was paid for, on both databases."""

import asyncio
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.database import Database, Sql
from app.models.domain import LOCAL_MODEL, Category, KnownAnswer, Outcome
from app.models.identity import Alias, MatchedBy, Naming, Trial
from app.repositories.cache_repository import CacheRepository
from app.repositories.record_batch import RecordBatch
from app.repositories.record_repository import RecordRepository
from app.repositories.refusal_repository import RefusalRepository
from tests.factories import (
    known_by,
    make_classification,
    make_content_name,
    make_failure,
    make_fingerprint,
    make_hit,
    make_image_hash,
    make_outcome,
    make_reply,
)
from tests.support.records import fetch_known, write_outcomes

NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)


async def read(database: Database, sql: str) -> list[Any]:
    return await database.fetch_all(Sql.same(sql), {})


def naming(outcome: Outcome, *aliases: Alias, **values: Any) -> Naming:
    return Naming(outcome.image_hash, aliases, **values)


def make_named(matched_by: MatchedBy = MatchedBy.CONTENT, **changes: Any) -> tuple[str, Outcome]:
    """Return another name, and a paid answer that has it."""
    name, outcome = make_content_name(), make_outcome(**changes)
    distance = 8 if matched_by is MatchedBy.NEAR else None
    return name, replace(outcome, naming=naming(outcome, Alias(name, matched_by, distance)))


@pytest.mark.parametrize("matched_by", [MatchedBy.BYTES, MatchedBy.CONTENT, MatchedBy.QUESTION])
async def test_an_answer_is_found_by_another_name_and_says_which_photo_was_paid_for(
    matched_by: MatchedBy, database: Database
) -> None:
    name, outcome = make_named(matched_by)

    await write_outcomes(database, [outcome])

    known = await fetch_known(database, name)
    assert known == KnownAnswer(outcome.classification, outcome.image_hash, matched_by, 412678)


async def test_by_its_own_hash_an_answer_is_found_as_the_same_file(database: Database) -> None:
    outcome = make_outcome()

    await write_outcomes(database, [outcome])

    known = await fetch_known(database, outcome.image_hash)
    assert known == KnownAnswer(outcome.classification, outcome.image_hash, MatchedBy.BYTES, 412678)


async def test_a_near_name_gives_no_description(database: Database) -> None:
    name, outcome = make_named(MatchedBy.NEAR)

    await write_outcomes(database, [outcome])

    known = await fetch_known(database, name)
    assert known is not None
    assert known.classification == replace(outcome.classification, description=None)
    assert known.matched_by is MatchedBy.NEAR


async def test_many_names_are_looked_up_together(database: Database) -> None:
    named = [make_named() for _ in range(50)]
    plain = [make_outcome() for _ in range(50)]
    unknown = [make_content_name(), make_image_hash(), f"{plain[0].image_hash}0", ""]
    await write_outcomes(database, [*(outcome for _, outcome in named), *plain])

    names = [name for name, _ in named] + [outcome.image_hash for outcome in plain] + unknown
    found = await CacheRepository(database, local_from=None).fetch_many(names)

    assert {name: known.image_hash for name, known in found.items()} == {
        **{name: outcome.image_hash for name, outcome in named},
        **{outcome.image_hash: outcome.image_hash for outcome in plain},
    }


async def test_an_answer_of_its_own_comes_before_that_of_another_photo(database: Database) -> None:
    paid = make_outcome()
    other = make_outcome()
    other = replace(other, naming=naming(other, Alias(paid.image_hash, MatchedBy.NEAR, 4)))

    await write_outcomes(database, [paid, other])

    known = await fetch_known(database, paid.image_hash)
    assert known is not None
    assert (known.image_hash, known.matched_by) == (paid.image_hash, MatchedBy.BYTES)


async def test_a_name_whose_answer_is_gone_is_no_hit(database: Database) -> None:
    name, outcome = make_named()
    await write_outcomes(database, [outcome])

    await database.execute(Sql.same("DELETE FROM image_classification_cache"), {})

    assert await fetch_known(database, name) is None


async def test_a_name_of_a_guess_is_found_only_when_guesses_are_asked_for(database: Database) -> None:
    name, guess = make_named(reply=make_reply(model_used=LOCAL_MODEL))
    await write_outcomes(database, [guess])

    assert await fetch_known(database, name, include_local=False) is None
    assert await fetch_known(database, name, include_local=True) is not None


@pytest.mark.parametrize(
    ("category", "confidence", "is_served"),
    [(Category.PETS, 0.9, True), (Category.PETS, 0.8999, False), (Category.OTHER, 1.0, False)],
)
async def test_where_the_network_is_asked_first_only_what_it_was_sure_of_is_served(
    category: Category, confidence: float, is_served: bool, database: Database
) -> None:
    name, look = make_named(reply=make_reply(make_classification(category, confidence), LOCAL_MODEL))
    paid_name, paid = make_named(reply=make_reply(make_classification(Category.OTHER, 0.1)))
    await write_outcomes(database, [look, paid])

    found = await CacheRepository(database, local_from=0.9).fetch_many([name, look.image_hash, paid_name])

    assert set(found) == {paid_name} | ({name, look.image_hash} if is_served else set())


@pytest.mark.parametrize(("first", "second", "kept"), [(0.88, 0.92, 0.92), (0.92, 0.88, 0.92), (0.9, 0.9, 0.9)])
async def test_of_two_looks_at_one_photo_the_surer_one_stays(
    first: float, second: float, kept: float, database: Database
) -> None:
    """Prepared for another model a photo has other pixels, and what was not served must not stay in the way."""
    image_hash = make_image_hash()
    for confidence in (first, second):
        look = make_reply(make_classification(Category.PETS, confidence), LOCAL_MODEL)
        await write_outcomes(database, [make_outcome(image_hash=image_hash, reply=look)])

    known = await fetch_known(database, image_hash, include_local=True)

    assert known is not None
    assert known.classification.confidence == kept


async def test_a_guess_that_is_not_served_hides_no_name(database: Database) -> None:
    guess = make_outcome(reply=make_reply(model_used=LOCAL_MODEL))
    paid = make_outcome()
    paid = replace(paid, naming=naming(paid, Alias(guess.image_hash, MatchedBy.QUESTION)))
    await write_outcomes(database, [guess, paid])

    known = await fetch_known(database, guess.image_hash, include_local=False)

    assert known is not None
    assert known.image_hash == paid.image_hash


@pytest.mark.parametrize("what", ["category", "kind"])
async def test_what_a_later_version_wrote_is_no_hit(what: str, database: Database) -> None:
    name, outcome = make_named()
    await write_outcomes(database, [outcome])
    edits = {
        "category": "UPDATE image_classification_cache SET category = 'plants'",
        "kind": "UPDATE image_alias SET matched_by = 'sketch'",
    }

    await database.execute(Sql.same(edits[what]), {})

    assert await fetch_known(database, name) is None


async def test_an_answers_own_hash_is_no_alias(database: Database) -> None:
    outcome = make_outcome()
    outcome = replace(outcome, naming=naming(outcome, Alias(outcome.image_hash, MatchedBy.BYTES)))

    await write_outcomes(database, [outcome])

    assert await read(database, "SELECT COUNT(*) FROM image_alias") == [(0,)]


async def test_a_new_name_replaces_an_old_one_but_what_is_only_near_nothing_exact(database: Database) -> None:
    name, first = make_named(MatchedBy.NEAR)
    _, second = make_named()
    _, third = make_named()
    near, exact = Alias(name, MatchedBy.NEAR, 3), Alias(name, MatchedBy.CONTENT)
    seen = []

    for outcome, alias in ((first, near), (second, near), (third, exact), (first, near), (second, exact)):
        await write_outcomes(database, [replace(outcome, naming=naming(outcome, alias))])
        seen += await read(database, "SELECT image_hash, matched_by, distance FROM image_alias")

    assert seen == [
        (first.image_hash, "near", 3),
        (second.image_hash, "near", 3),
        (third.image_hash, "content", None),
        (third.image_hash, "content", None),
        (second.image_hash, "content", None),
    ]


@pytest.mark.parametrize("together", ["one batch", "one transaction"])
async def test_of_several_that_give_one_name_an_exact_one_wins_in_whatever_order(
    together: str, database: Database
) -> None:
    name = make_content_name()
    kinds = [MatchedBy.NEAR, MatchedBy.CONTENT, MatchedBy.NEAR, MatchedBy.CONTENT]
    outcomes = [make_outcome(created_at=NOON + timedelta(minutes=number)) for number in range(4)]
    named = [
        replace(one, naming=naming(one, Alias(name, kind, 1 if kind is MatchedBy.NEAR else None)))
        for one, kind in zip(outcomes, kinds, strict=True)
    ]
    for order in (named, named[::-1], named[2:] + named[:2]):
        parts = [order] if together == "one batch" else [[one] for one in order]
        series = secrets.token_hex(8)
        batches = [RecordBatch.of(series, number + 1, part) for number, part in enumerate(parts)]

        await RecordRepository(database).write(batches)

        assert await read(database, "SELECT image_hash FROM image_alias") == [(outcomes[3].image_hash,)]
        await database.execute(Sql.same("DELETE FROM image_alias"), {})


async def test_hits_by_any_name_count_on_the_row_that_was_paid_for(database: Database) -> None:
    name, paid = make_named()
    other_file = make_image_hash()
    await write_outcomes(database, [paid])

    await write_outcomes(
        database,
        [
            make_hit(paid, image_size=None, known=known_by(paid, MatchedBy.BYTES)),
            make_outcome(image_hash=name, image_size=None, reply=None, known=known_by(paid, MatchedBy.CONTENT)),
            make_outcome(image_hash=other_file, image_size=99, reply=None, known=known_by(paid, MatchedBy.QUESTION)),
        ],
    )

    assert await read(database, "SELECT image_hash, hit_count FROM image_classification_cache") == [
        (paid.image_hash, 4)
    ]
    log = "SELECT image_hash, from_cache, image_size, matched_by, saved_bytes FROM request_log ORDER BY id"
    assert sorted(await read(database, log), key=str) == sorted(
        [
            (paid.image_hash, 0, 412678, None, None),
            (paid.image_hash, 1, None, "bytes", 412678),
            (name, 1, None, "content", 412678),
            (other_file, 1, 99, "question", None),
        ],
        key=str,
    )


async def test_a_size_is_filled_in_where_there_was_none_and_stays(database: Database) -> None:
    old, new = make_outcome(image_size=None), make_outcome(image_size=5000)
    await write_outcomes(database, [old, new])
    hit = make_hit(old, naming=naming(old, image_size=777), created_at=NOON + timedelta(days=1))
    later = make_hit(new, naming=naming(new, image_size=888), created_at=NOON + timedelta(days=1))

    await write_outcomes(database, [hit, later])
    await write_outcomes(database, [make_outcome(naming=naming(old, image_size=999))])

    rows = "SELECT image_size, hit_count FROM image_classification_cache WHERE image_size <> 412678 ORDER BY 1"
    assert await read(database, rows) == [(777, 2), (5000, 2)]
    last_hit = Sql.same("SELECT last_hit_at FROM image_classification_cache WHERE image_hash = :image_hash")
    ((moment,),) = await database.fetch_all(last_hit, {"image_hash": old.image_hash})
    assert str(moment) == "2025-10-11 12:00:00"


async def test_a_guess_keeps_giving_way_to_an_answer_that_has_a_size_and_names(database: Database) -> None:
    guess = make_outcome(reply=make_reply(model_used=LOCAL_MODEL))
    name, answer = make_content_name(), make_outcome(image_hash=guess.image_hash)
    await write_outcomes(database, [guess])

    await write_outcomes(database, [replace(answer, naming=naming(answer, Alias(name, MatchedBy.CONTENT)))])

    known = await fetch_known(database, name)
    assert known is not None
    assert known.classification == answer.classification


async def test_what_a_photo_looks_like_is_written_once_with_its_slots(database: Database) -> None:
    paid, pdq = make_outcome(), bytes(range(32))
    first = replace(paid, naming=naming(paid, fingerprint=make_fingerprint(pdq=pdq)))
    again = make_hit(paid, naming=naming(paid, fingerprint=make_fingerprint(pdq=secrets.token_bytes(32))))

    await write_outcomes(database, [first, first])
    await write_outcomes(database, [first, again])
    await write_outcomes(database, [again])

    stored = Sql(mysql="SELECT LOWER(HEX(pdq)), quality, width, height FROM image_fingerprint", sqlite=_STORED)
    assert await database.fetch_all(stored, {}) == [(pdq.hex(), 100, 4032, 3024)]
    slots = await read(
        database,
        "SELECT slot, value FROM fingerprint_slot JOIN image_fingerprint ON id = fingerprint_id ORDER BY slot",
    )
    assert slots == [(number, 512 * number + 2 * number + 1) for number in range(16)]


_STORED = "SELECT pdq, quality, width, height FROM image_fingerprint"


async def test_a_photo_of_too_little_quality_gets_no_slots(database: Database) -> None:
    dull, clear = make_outcome(), make_outcome()

    await write_outcomes(
        database,
        [
            replace(dull, naming=naming(dull, fingerprint=make_fingerprint(quality=49))),
            replace(clear, naming=naming(clear, fingerprint=make_fingerprint(quality=50))),
        ],
    )

    assert await read(database, "SELECT COUNT(*) FROM image_fingerprint") == [(2,)]
    assert await read(database, "SELECT COUNT(*) FROM fingerprint_slot") == [(16,)]


async def test_every_other_name_of_a_refused_photo_is_refused_and_tokens_are_counted_once(database: Database) -> None:
    names = (make_content_name(), f"q1:{make_image_hash()}")
    failure = make_failure(other_names=names)
    repository = RefusalRepository(database)

    await write_outcomes(database, [failure])

    for name in (failure.image_hash, *names):
        assert await repository.is_refused([make_image_hash(), name], failure.created_at)
    assert not await repository.is_refused([make_image_hash(), make_content_name()], failure.created_at)
    assert not await repository.is_refused([], failure.created_at)
    assert await read(database, "SELECT COUNT(*), SUM(input_tokens) FROM classification_refusal") == [(3, 412)]


def make_full_batch(number: int = 1, paid: Outcome | None = None) -> RecordBatch:
    """Return a batch that has rows of every kind."""
    name, named = make_named()
    paid = paid or named
    whole = Naming(
        paid.image_hash,
        (Alias(name, MatchedBy.CONTENT), Alias(make_image_hash(), MatchedBy.NEAR, 7)),
        make_fingerprint(),
        image_size=1234,
    )
    trial = Trial(make_image_hash(), 7, "foods")
    outcomes = [replace(paid, naming=whole, trial=trial), make_hit(paid, known=known_by(paid, MatchedBy.NEAR))]
    return RecordBatch.of("w", number, [*outcomes, make_failure(other_names=(make_content_name(),))])


async def count_rows(database: Database) -> list[int]:
    tables = ("image_classification_cache", "request_log", "image_alias", "image_fingerprint", "fingerprint_slot")
    counts = [
        await read(database, f"SELECT COUNT(*) FROM {table}")
        for table in (*tables, "near_trial", "classification_refusal")
    ]
    return [count for ((count,),) in counts]


async def test_a_batch_given_twice_is_written_once_from_text_too(database: Database) -> None:
    batch = make_full_batch()
    assert all((batch.aliases, batch.fingerprints, batch.sizes, batch.trials))
    assert RecordBatch.from_json(batch.to_json()) == batch

    for _ in range(2):
        await RecordRepository(database).write([RecordBatch.from_json(batch.to_json())])

    assert await count_rows(database) == [1, 2, 2, 1, 16, 1, 2]


async def test_a_line_of_the_version_before_can_still_be_read(database: Database) -> None:
    """It has no names, and rows without sizes and kinds of match."""
    paid = make_outcome()
    values = json.loads(RecordBatch.of("w", 1, [paid, make_hit(paid)]).to_json())
    for kind in ("aliases", "fingerprints", "sizes", "trials"):
        assert values.pop(kind) == []
    values["results"] = [row[:11] for row in values["results"]]
    values["records"] = [row[:10] for row in values["records"]]

    await RecordRepository(database).write([RecordBatch.from_json(json.dumps(values).encode())])

    assert await read(database, "SELECT hit_count, image_size FROM image_classification_cache") == [(2, None)]
    assert await read(database, "SELECT matched_by, saved_bytes FROM request_log") == [(None, None)] * 2


async def test_concurrent_batches_that_name_the_same_photos_all_succeed(database: Database) -> None:
    paid = [make_outcome() for _ in range(12)]
    await write_outcomes(database, paid)
    prints = {one.image_hash: make_fingerprint() for one in paid}
    names = {one.image_hash: make_content_name() for one in paid}

    def hits(order: list[Outcome]) -> list[Outcome]:
        return [
            make_hit(
                one,
                naming=Naming(
                    one.image_hash,
                    (Alias(names[one.image_hash], MatchedBy.CONTENT),),
                    prints[one.image_hash],
                    image_size=5,
                ),
            )
            for one in order
        ]

    await asyncio.gather(*(write_outcomes(database, hits(paid[:: 1 if part % 2 else -1])) for part in range(16)))

    assert await read(database, "SELECT SUM(hit_count) FROM image_classification_cache") == [(12 * 17,)]
    assert (await count_rows(database))[2:5] == [12, 12, 12 * 16]


def test_rows_tell_whose_they_are_by_the_answer_that_was_hit() -> None:
    paid = make_outcome()
    hit = make_outcome(image_hash=make_content_name(), reply=None, logged=False, known=known_by(paid))
    batch = RecordBatch.of("w", 1, [hit])

    failure = make_failure(other_names=(make_content_name(),), calls=())
    refused = RecordBatch.of("w", 2, [failure])

    assert batch.concerns(hit)
    assert batch.concerns(make_hit(paid, logged=False))
    assert replace(refused, refusals=refused.refusals[1:]).concerns(failure)  # its first name may have been put aside
    assert not batch.concerns(make_outcome(image_hash=hit.image_hash, reply=None, logged=False))


async def test_a_description_of_any_language_comes_back_by_another_name_as_it_was(database: Database) -> None:
    text = "日落 🐱 'quoted' \"double\" back\\slash 100% :name {brace}"
    name, outcome = make_named(reply=make_reply(make_classification(description=text)))

    await write_outcomes(database, [outcome])

    known = await fetch_known(database, name)
    assert known is not None
    assert known.classification.description == text
