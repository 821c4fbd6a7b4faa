"""The queue of disputed answers is read in pieces: no more than it takes, and nothing is left out for good."""

from collections.abc import Sequence
from typing import Any

from app.database import Database
from app.drivers.build import open_database
from app.models.correction import Operator
from app.models.domain import Category, Outcome
from app.models.feedback import Vote
from app.repositories.correction_repository import CorrectionRepository
from app.repositories.feedback_repository import FeedbackRepository
from app.utils.clock import utc_now
from tests.conftest import make_settings
from tests.factories import make_outcome
from tests.integration.test_rows_read import count_reads
from tests.support.records import write_outcomes

ALICE = Operator("req_1_0123456789ab", "alice", "192.0.2.1")


async def dispute(database: Database, outcomes: Sequence[Outcome], users: int = 1) -> None:
    """Let users disagree with answers, one after the other."""
    for outcome in outcomes:
        for user in range(users):
            answered = outcome.classification.category
            vote = Vote(f"user-{user}", outcome.image_hash, outcome.request_id, None, answered)
            await FeedbackRepository(database).write(vote, utc_now())


async def test_older_votes_come_up_when_the_newer_ones_are_decided(database: Database) -> None:
    outcomes = [make_outcome() for _ in range(4)]
    await write_outcomes(database, outcomes)
    await dispute(database, outcomes)
    queue = FeedbackRepository(database, disputed_votes=2)
    oldest, older, newer, newest = (outcome.image_hash for outcome in outcomes)

    assert {one.image_hash for one in await queue.fetch_disputed(10)} == {newer, newest}
    for image_hash in (newest, newer):
        await CorrectionRepository(database).correct(image_hash, Category.PETS, "seen", ALICE, utc_now())

    assert {one.image_hash for one in await queue.fetch_disputed(10)} == {oldest, older}


async def test_the_queue_reads_no_more_votes_than_it_is_made_of(mysql_settings: dict[str, Any]) -> None:
    one_connection = await open_database(make_settings(**mysql_settings, mysql_pool_size=1))
    outcomes = [make_outcome(logged=False) for _ in range(20)]
    await write_outcomes(one_connection, outcomes)
    await dispute(one_connection, outcomes, users=15)
    queue = FeedbackRepository(one_connection, disputed_votes=10)

    reads = await count_reads(one_connection, lambda: queue.fetch_disputed(1))

    await one_connection.close()
    assert 10 < reads < 100  # of 300 votes
