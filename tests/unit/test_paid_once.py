"""P1 in one part: one paid call, whoever asks, and what is done while the database is away."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from app.errors import DatabaseUnavailable, RecordPutAside, Refused
from app.observe.metrics import Metrics
from app.services.model.errors import ModelTimeout
from app.services.one_call.lease import Leases
from app.services.one_call.paid_once import MAX_UNWRITTEN, PaidOnce, Result
from app.services.one_call.single_flight import SingleFlight
from tests.factories import make_call, make_classification, make_image_hash, make_reply
from tests.fakes import FakeKnown, FakeLeaseTable, FakeRefusals, FakeWork, as_any, fixed_clock
from tests.support.waiting import until


@dataclass
class Storage:
    """Whether anything could be kept."""

    full: bool = False

    def check(self) -> None:
        if self.full:
            raise DatabaseUnavailable(detail="full")


@dataclass
class House:
    """A `PaidOnce` and all the fakes around it. Several of them may share what is in the database."""

    known: FakeKnown = field(default_factory=FakeKnown)
    refusals: FakeRefusals = field(default_factory=FakeRefusals)
    leases: FakeLeaseTable = field(default_factory=FakeLeaseTable)
    storage: Storage = field(default_factory=Storage)
    lease_seconds: int = 10
    model_timeout_seconds: float = 30
    image_hash: str = field(default_factory=make_image_hash)

    def __post_init__(self) -> None:
        metrics = Metrics()
        self.paid_once = PaidOnce(
            known=self.known,
            refusals=self.refusals,
            flights=SingleFlight[Result](metrics=metrics),
            leases=Leases(as_any(self.leases), metrics, seconds=self.lease_seconds, look_seconds=0.01),
            check_storage=self.storage.check,
            model_timeout_seconds=self.model_timeout_seconds,
            clock=fixed_clock,
            metrics=metrics,
        )
        self.work = FakeWork(make_reply(), self.known, self.image_hash)

    async def find(self) -> Result:
        return await self.paid_once.find(self.image_hash, self.work)

    def go_away(self) -> None:
        """Let the database be away."""
        self.known.away = self.refusals.away = self.leases.away = True


async def test_a_known_photo_is_answered_without_a_lease_or_a_question() -> None:
    house = House()
    house.known.answers[house.image_hash] = make_classification()

    assert await house.find() == Result(make_classification(), paid=False)
    assert (house.work.asked, house.leases.claims) == ([], 0)


async def test_an_unknown_photo_is_asked_about_once_and_its_lease_given_back() -> None:
    house = House()

    first, second = await house.find(), await house.find()

    assert (first.paid, second.paid) == (True, False)
    assert house.work.asked == [30]
    assert house.leases.owners == {}


async def test_callers_of_one_moment_share_one_question_and_one_of_them_has_paid() -> None:
    house = House()
    house.work.gate.clear()
    callers = [asyncio.create_task(house.find()) for _ in range(20)]
    await until(lambda: bool(house.work.asked))

    house.work.gate.set()
    results = await asyncio.gather(*callers)

    assert len(house.work.asked) == 1
    assert sorted(result.paid for result in results) == [False] * 19 + [True]


async def test_while_another_process_asks_its_answer_is_waited_for() -> None:
    one = House()
    other = House(known=one.known, refusals=one.refusals, leases=one.leases, image_hash=one.image_hash)
    one.work.gate.clear()
    first = asyncio.create_task(one.find())
    await until(lambda: bool(one.work.asked))

    second = asyncio.create_task(other.find())
    await until(lambda: other.leases.claims > 1)
    one.work.gate.set()

    assert [(await first).paid, (await second).paid] == [True, False]
    assert other.work.asked == []


async def test_an_answer_given_between_the_look_and_the_lease_is_not_paid_for_again() -> None:
    house = House()

    def answer_elsewhere() -> None:
        house.known.answers[house.image_hash] = make_classification()

    house.leases.before_claim = answer_elsewhere

    assert (await house.find()).paid is False
    assert house.work.asked == []


async def test_a_lease_that_never_comes_is_a_timeout() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=0.2)
    house.leases.owners[f"photo:{house.image_hash}"] = "another"

    with pytest.raises(TimeoutError):
        await house.find()
    assert house.work.asked == []


async def test_a_refused_photo_is_not_asked_about_and_takes_no_lease() -> None:
    house = House()
    house.refusals.refused.add(house.image_hash)

    with pytest.raises(Refused):
        await house.find()
    assert (house.work.asked, house.leases.claims) == ([], 0)


async def test_callers_who_all_leave_do_not_stop_the_question() -> None:
    house = House()
    house.work.gate.clear()
    caller = asyncio.create_task(house.find())
    await until(lambda: bool(house.work.asked))

    caller.cancel()
    await asyncio.wait([caller])
    house.work.gate.set()

    await until(lambda: house.image_hash in house.known.answers)


async def test_a_failure_reaches_each_caller_as_an_exception_of_its_own_and_is_not_kept() -> None:
    house = House()
    house.work.failure = ModelTimeout(detail="slow")

    one, other = await asyncio.gather(house.find(), house.find(), return_exceptions=True)
    house.work.failure = None

    assert isinstance(one, ModelTimeout)
    assert isinstance(other, ModelTimeout)
    assert one is not other
    assert (await house.find()).paid is True


async def test_while_the_database_is_away_the_model_is_asked_all_the_same() -> None:
    house = House()
    house.go_away()

    assert (await house.find()).paid is True


async def test_while_nothing_can_be_kept_nothing_is_paid_for() -> None:
    house = House()
    house.go_away()
    house.storage.full = True

    with pytest.raises(DatabaseUnavailable):
        await house.find()
    assert house.work.asked == []


async def test_an_answer_that_could_not_be_kept_is_given_to_whoever_asks_next() -> None:
    house = House()
    house.work.store_failure = DatabaseUnavailable(detail="nowhere to keep it")
    with pytest.raises(DatabaseUnavailable):
        await house.find()

    house.work.store_failure = None

    assert (await house.find()).classification == house.work.reply.classification
    assert len(house.work.asked) == 1


async def test_the_questions_of_an_answer_that_was_put_aside_are_not_recorded_a_second_time() -> None:
    house = House()
    house.work.reply = replace(make_reply(), calls=(make_call(),))
    house.work.store_failure = RecordPutAside()
    with pytest.raises(RecordPutAside):
        await house.find()

    house.work.store_failure = None
    await house.find()

    assert len(house.work.asked) == 1
    assert [reply.calls for reply in house.work.stored] == [()]


async def test_an_answer_that_was_kept_after_all_does_not_come_back_when_an_operator_deletes_it() -> None:
    house = House()
    house.work.store_failure = RecordPutAside()
    with pytest.raises(RecordPutAside):
        await house.find()
    house.known.answers[house.image_hash] = house.work.reply.classification
    await house.find()

    del house.known.answers[house.image_hash]
    house.work.store_failure = None

    assert (await house.find()).paid is True
    assert len(house.work.asked) == 2


async def test_no_more_than_so_many_answers_wait_for_whoever_asks_next() -> None:
    house = House()
    house.work.store_failure = DatabaseUnavailable(detail="nowhere to keep it")

    for _ in range(MAX_UNWRITTEN + 5):
        house.image_hash = make_image_hash()
        with pytest.raises(DatabaseUnavailable):
            await house.find()

    assert len(house.paid_once.unwritten) == MAX_UNWRITTEN
    assert house.image_hash in house.paid_once.unwritten  # the oldest have gone


async def test_the_question_has_what_the_wait_for_the_lease_has_left_of_the_budget() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=3)
    house.leases.owners[f"photo:{house.image_hash}"] = "another"
    waiting = asyncio.create_task(house.find())
    await until(lambda: house.leases.claims > 1)

    del house.leases.owners[f"photo:{house.image_hash}"]
    await waiting

    assert 1 < house.work.asked[0] < 3


async def test_with_hardly_any_time_left_after_the_wait_nothing_is_asked() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=0.3)
    house.leases.owners[f"photo:{house.image_hash}"] = "another"
    waiting = asyncio.create_task(house.find())
    await until(lambda: house.leases.claims > 1)

    del house.leases.owners[f"photo:{house.image_hash}"]

    with pytest.raises(TimeoutError):
        await waiting
    assert house.work.asked == []
