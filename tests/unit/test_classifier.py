"""The story of both endpoints, with fakes around it: what is looked up, asked and written down, and in which order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from app.errors import DatabaseUnavailable, HashMismatch, Overloaded, Refused
from app.models.domain import Failure, ModelReply, Outcome
from app.models.identity import Fingerprint
from app.models.prices import Prices
from app.observe.metrics import Metrics
from app.services.cache.lookups import BatchedLookups
from app.services.cache.memory import MemoryCache
from app.services.cache_service import CacheService
from app.services.classifier import ClassifierService
from app.services.model.errors import ModelBadAnswer, ModelRefused, ModelTimeout
from app.services.model_client import Question
from app.services.one_call.lease import Leases
from app.services.one_call.paid_once import PaidOnce, Result
from app.services.one_call.single_flight import SingleFlight
from app.services.photo_in_question import QuestionParts
from app.services.records.recorder import Recorder
from app.utils.deadline import Deadline
from app.utils.image_utils import Prepared
from tests.factories import make_classification, make_context, make_reply
from tests.fakes import NOON, FakeCommits, FakeLeaseTable, FakeRefusals, FakeTable, as_any, fixed_clock
from tests.support.fake_model import FakeModel

REPLY = make_reply()
PHOTO = b"the bytes of a photo"
HASH = sha256(PHOTO).hexdigest()


@dataclass
class FakePreparer:
    """Prepares at once, or takes as long as it may, or fails."""

    hangs: bool = False
    failure: Exception | None = None
    prepared: list[bytes] = field(default_factory=list)

    async def prepare(self, data: bytes, deadline: Deadline) -> Prepared:
        self.prepared.append(data)
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return Prepared(b"jpeg", Fingerprint(bytes(32), 100, 4, 3))


async def never(question: Question) -> ModelReply:
    """Be a model that does not answer."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class House:
    """A `ClassifierService` and all the fakes around it."""

    table: FakeTable = field(default_factory=FakeTable)
    commits: FakeCommits = field(default_factory=FakeCommits)
    refusals: FakeRefusals = field(default_factory=FakeRefusals)
    preparer: FakePreparer = field(default_factory=FakePreparer)
    model: FakeModel = field(default_factory=lambda: FakeModel([REPLY]))
    model_timeout_seconds: float = 30
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        cache = CacheService(
            MemoryCache(10, 60), BatchedLookups(self.table.fetch_many, metrics=self.metrics), self.metrics
        )
        self.flights = SingleFlight[Result](metrics=self.metrics)
        recorder = Recorder(as_any(self.commits), fixed_clock, True, Prices(Decimal("0.01"), None, None))
        paid_once = PaidOnce(
            known=cache,
            refusals=self.refusals,
            flights=self.flights,
            leases=Leases(as_any(FakeLeaseTable()), self.metrics),
            check_storage=lambda: None,
            model_timeout_seconds=self.model_timeout_seconds,
            clock=fixed_clock,
            metrics=self.metrics,
        )
        parts = QuestionParts(
            preparer=as_any(self.preparer),
            model=self.model,
            recorder=recorder,
            cache=cache,
            refusal_ttl=timedelta(days=1),
            clock=fixed_clock,
            metrics=self.metrics,
        )
        self.service = ClassifierService(paid_once, parts)

    @property
    def written(self) -> list[Outcome | Failure]:
        return self.commits.outcomes


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    await made.flights.close(0)


async def test_a_known_photo_is_one_hit_and_needs_no_model(house: House) -> None:
    house.table.answers[HASH] = make_classification()

    answer = await house.service.classify(PHOTO, HASH, make_context())

    assert (answer.classification, answer.from_cache) == (make_classification(), True)
    assert (house.preparer.prepared, house.model.questions) == ([], [])
    (outcome,) = house.written
    assert isinstance(outcome, Outcome)
    assert (outcome.from_cache, outcome.image_size, outcome.image_hash) == (True, len(PHOTO), HASH)


async def test_a_new_photo_is_prepared_asked_about_written_down_and_then_known(house: House) -> None:
    answer = await house.service.classify(PHOTO, None, make_context())
    again = await house.service.check_cache(HASH, make_context())

    assert (answer.from_cache, again) == (False, REPLY.classification)
    assert [question.jpeg for question in house.model.questions] == [b"jpeg"]
    new, hit = house.written
    assert isinstance(new, Outcome)
    assert isinstance(hit, Outcome)
    assert (new.from_cache, len(new.calls), hit.from_cache) == (False, 1, True)
    assert house.table.asked == [[HASH], [HASH]]  # the look, and the second look behind the lease


async def test_a_wrong_checksum_is_an_error_before_anything_is_looked_up(house: House) -> None:
    with pytest.raises(HashMismatch):
        await house.service.classify(PHOTO, "0" * 64, make_context())

    assert (house.table.asked, house.written) == ([], [])


async def test_an_unknown_hash_is_a_miss_that_nobody_writes_down(house: House) -> None:
    assert await house.service.check_cache(HASH, make_context()) is None
    assert house.written == []


async def test_a_refusal_is_written_down_with_what_it_cost_and_for_how_long(house: House) -> None:
    house.model.script = [ModelRefused(detail="no")]

    with pytest.raises(Refused):
        await house.service.classify(PHOTO, None, make_context())

    (failure,) = house.written
    assert isinstance(failure, Failure)
    assert (failure.refused_until, len(failure.calls)) == (NOON + timedelta(days=1), 1)
    assert house.metrics.refusals.tallies == {("model",): 1}


@pytest.mark.parametrize("error", [ModelBadAnswer(detail="prose"), ModelTimeout(detail="slow")])
async def test_a_question_that_failed_is_written_down_too(house: House, error: Exception) -> None:
    house.model.script = [error]

    with pytest.raises(type(error)):
        await house.service.classify(PHOTO, None, make_context())

    (failure,) = house.written
    assert isinstance(failure, Failure)
    assert (failure.refused_until, len(failure.calls)) == (None, 1)


async def test_what_cannot_be_written_down_of_a_failure_does_not_change_the_answer(house: House) -> None:
    house.model.script = [ModelBadAnswer(detail="prose")]
    house.commits.failure = DatabaseUnavailable(detail="away")

    with pytest.raises(ModelBadAnswer):
        await house.service.classify(PHOTO, None, make_context())


async def test_a_photo_for_whose_preparation_there_is_no_time_is_no_question(house: House) -> None:
    house.preparer.failure = Overloaded(detail="cannot be done in time")

    with pytest.raises(Overloaded):
        await house.service.classify(PHOTO, None, make_context())

    assert (house.model.questions, house.written) == ([], [])


async def test_a_model_that_outlasts_the_budget_is_a_timeout_and_is_paid_for() -> None:
    house = House(model=FakeModel([never]), model_timeout_seconds=0.05)

    with pytest.raises(ModelTimeout):
        await house.service.classify(PHOTO, None, make_context())

    (failure,) = house.written
    assert isinstance(failure, Failure)
    assert len(failure.calls) == 1


async def test_a_question_that_is_cut_off_at_the_end_of_the_process_is_written_down(house: House) -> None:
    house.model.script = [never]
    caller = asyncio.create_task(house.service.classify(PHOTO, None, make_context()))
    async with asyncio.timeout(5):
        while not house.model.questions:  # it is the model that is waited for
            await asyncio.sleep(0)

    await house.flights.close(0)
    await asyncio.wait([caller])

    (failure,) = house.written
    assert isinstance(failure, Failure)
    assert len(failure.calls) == 1


async def test_while_the_database_is_away_an_upload_is_answered_and_a_lookup_is_not(house: House) -> None:
    house.table.away = house.refusals.away = True

    with pytest.raises(DatabaseUnavailable):
        await house.service.check_cache(HASH, make_context())

    assert (await house.service.classify(PHOTO, None, make_context())).from_cache is False
    assert await house.service.check_cache(HASH, make_context()) == REPLY.classification
