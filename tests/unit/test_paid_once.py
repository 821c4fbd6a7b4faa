"""P1 in one part: one paid call, whoever asks, and what is done while the database is away."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.errors import DatabaseUnavailable, QuotaExceeded, RecordPutAside, Refused
from app.models.identity import MatchedBy
from app.observe.metrics import Metrics
from app.services.model.errors import ModelTimeout
from app.services.one_call.hurry import Hurry
from app.services.one_call.lease import Leases
from app.services.one_call.paid_once import MAX_UNWRITTEN, MAX_WAITERS, PaidOnce
from app.services.one_call.photo import Result
from app.services.one_call.single_flight import SingleFlight
from tests.factories import make_call, make_image_hash, make_known, make_reply
from tests.fakes import FakeKnown, FakeLeaseTable, FakePhoto, FakeRefusals, as_any, fixed_clock
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
        leases = Leases(as_any(self.leases), metrics, seconds=self.lease_seconds, look_seconds=0.01)
        self.paid_once = PaidOnce(
            known=self.known,
            refusals=self.refusals,
            flights=SingleFlight[Result](metrics=metrics),
            leases=leases,
            hurry=Hurry(leases, look_seconds=0.01),
            check_storage=self.storage.check,
            model_timeout_seconds=self.model_timeout_seconds,
            deferred_seconds=10 * self.model_timeout_seconds,
            clock=fixed_clock,
            metrics=metrics,
        )
        self.photo = FakePhoto(make_reply(), self.known, self.image_hash)

    async def find(self, photo: FakePhoto | None = None) -> Result:
        return await self.paid_once.find(photo or self.photo)

    def another(self, **changes: Any) -> FakePhoto:
        """Return another photo, about which the same would be asked."""
        return FakePhoto(make_reply(), self.known, make_image_hash(), **changes)

    def go_away(self) -> None:
        """Let the database be away."""
        self.known.away = self.refusals.away = self.leases.away = True


async def test_a_known_photo_is_answered_without_a_lease_or_a_question() -> None:
    house = House()
    known = house.known.answers[house.image_hash] = make_known(house.image_hash)

    assert await house.find() == Result(known, paid=False, is_named=True)
    assert (house.photo.asked, house.leases.claims) == ([], 0)


async def test_an_unknown_photo_is_asked_about_once_and_its_lease_given_back() -> None:
    house = House()

    first, second = await house.find(), await house.find()

    assert (first.paid, second.paid) == (True, False)
    assert house.photo.asked == [pytest.approx(30, abs=1)]
    await house.paid_once.leases.close(1)
    assert house.leases.owners == {}


async def test_callers_of_one_moment_share_one_question_and_one_of_them_has_paid() -> None:
    house = House()
    house.photo.gate.clear()
    callers = [asyncio.create_task(house.find()) for _ in range(20)]
    await until(lambda: bool(house.photo.asked))

    house.photo.gate.set()
    results = await asyncio.gather(*callers)

    assert len(house.photo.asked) == 1
    assert sorted(result.paid for result in results) == [False] * 19 + [True]


async def test_while_another_process_asks_its_answer_is_waited_for() -> None:
    one = House()
    other = House(known=one.known, refusals=one.refusals, leases=one.leases, image_hash=one.image_hash)
    one.photo.gate.clear()
    first = asyncio.create_task(one.find())
    await until(lambda: bool(one.photo.asked))

    second = asyncio.create_task(other.find())
    await until(lambda: other.leases.claims > 1)
    one.photo.gate.set()

    assert [(await first).paid, (await second).paid] == [True, False]
    assert other.photo.asked == []


async def test_an_answer_given_between_the_look_and_the_lease_is_not_paid_for_again() -> None:
    house = House()

    def answer_elsewhere() -> None:
        house.known.answers[house.image_hash] = make_known(house.image_hash)

    house.leases.before_claim = answer_elsewhere

    assert (await house.find()).paid is False
    assert house.photo.asked == []


async def test_a_lease_that_never_comes_is_a_timeout() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=0.2)
    house.leases.owners[f"photo:{house.photo.question}"] = "another"

    with pytest.raises(TimeoutError):
        await house.find()
    assert house.photo.asked == []


async def test_a_refused_photo_is_not_asked_about_and_takes_no_lease() -> None:
    house = House()
    house.refusals.refused.add(house.image_hash)

    with pytest.raises(Refused):
        await house.find()
    assert (house.photo.asked, house.leases.claims) == ([], 0)


async def test_callers_who_all_leave_do_not_stop_the_question() -> None:
    house = House()
    house.photo.gate.clear()
    caller = asyncio.create_task(house.find())
    await until(lambda: bool(house.photo.asked))

    caller.cancel()
    await asyncio.wait([caller])
    house.photo.gate.set()

    await until(lambda: house.image_hash in house.known.answers)


async def test_a_failure_reaches_each_caller_as_an_exception_of_its_own_and_is_not_kept() -> None:
    house = House()
    house.photo.failure = ModelTimeout(detail="slow")

    one, other = await asyncio.gather(house.find(), house.find(), return_exceptions=True)
    house.photo.failure = None

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
    assert house.photo.asked == []


async def test_an_answer_that_could_not_be_kept_is_given_to_whoever_asks_next() -> None:
    house = House()
    house.photo.store_failure = DatabaseUnavailable(detail="nowhere to keep it")
    with pytest.raises(DatabaseUnavailable):
        await house.find()

    house.photo.store_failure = None

    assert (await house.find()).known.classification == house.photo.reply.classification
    assert len(house.photo.asked) == 1


async def test_a_degraded_answer_that_could_not_be_recorded_is_given_to_nobody_else() -> None:
    house = House()
    house.photo.reply = replace(house.photo.reply, degraded=True)
    house.photo.store_failure = DatabaseUnavailable(detail="nowhere to record it")
    with pytest.raises(DatabaseUnavailable):
        await house.find()

    house.photo.store_failure = None
    house.photo.reply = make_reply()

    assert not (await house.find()).is_degraded
    assert len(house.photo.asked) == 2


@pytest.mark.parametrize("by", [MatchedBy.CONTENT, MatchedBy.QUESTION])
def test_who_joins_a_degraded_answer_is_told_that_it_is_one(by: MatchedBy) -> None:
    reply = make_reply()
    known, degraded = make_known(), replace(reply, degraded=True)

    assert Result(known, paid=True, reply=degraded).joined(by).given == degraded
    assert Result(known, paid=True, reply=reply).joined(by).given is None


async def test_the_questions_of_an_answer_that_was_put_aside_are_not_recorded_a_second_time() -> None:
    house = House()
    house.photo.reply = replace(make_reply(), calls=(make_call(),))
    house.photo.store_failure = RecordPutAside()
    with pytest.raises(RecordPutAside):
        await house.find()

    house.photo.store_failure = None
    await house.find()

    assert len(house.photo.asked) == 1
    assert [reply.calls for reply in house.photo.stored] == [()]


async def test_an_answer_that_was_kept_after_all_does_not_come_back_when_an_operator_deletes_it() -> None:
    house = House()
    house.photo.store_failure = RecordPutAside()
    with pytest.raises(RecordPutAside):
        await house.find()
    house.known.answers[house.image_hash] = make_known(house.image_hash)
    await house.find()

    del house.known.answers[house.image_hash]
    house.photo.store_failure = None

    assert (await house.find()).paid is True
    assert len(house.photo.asked) == 2


async def test_no_more_than_so_many_answers_wait_for_whoever_asks_next() -> None:
    house = House()
    house.photo.store_failure = DatabaseUnavailable(detail="nowhere to keep it")

    for _ in range(MAX_UNWRITTEN + 5):
        house.photo.image_hash = make_image_hash()
        with pytest.raises(DatabaseUnavailable):
            await house.find()

    assert len(house.paid_once.unwritten) == MAX_UNWRITTEN
    assert house.photo.image_hash in house.paid_once.unwritten  # the oldest have gone


async def test_the_question_has_what_the_wait_for_the_lease_has_left_of_the_budget() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=3)
    house.leases.owners[f"photo:{house.photo.question}"] = "another"
    waiting = asyncio.create_task(house.find())
    await until(lambda: house.leases.claims > 1)

    del house.leases.owners[f"photo:{house.photo.question}"]
    await waiting

    assert 1 < house.photo.asked[0] < 3


async def test_with_hardly_any_time_left_after_the_wait_nothing_is_asked() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=0.3)
    house.leases.owners[f"photo:{house.photo.question}"] = "another"
    waiting = asyncio.create_task(house.find())
    await until(lambda: house.leases.claims > 1)

    del house.leases.owners[f"photo:{house.photo.question}"]

    with pytest.raises(TimeoutError):
        await waiting
    assert house.photo.asked == []


@pytest.mark.parametrize(
    ("content", "same_file", "matched_by"),
    [
        ("c1:photo", False, MatchedBy.CONTENT),
        (None, False, MatchedBy.QUESTION),
        ("c1:photo", True, MatchedBy.BYTES),
        (None, True, MatchedBy.BYTES),
    ],
)
async def test_who_joins_the_work_on_another_version_is_told_the_surest_name_that_both_have(
    content: str | None, same_file: bool, matched_by: MatchedBy
) -> None:
    house = House()
    house.photo.content = content
    house.photo.gate.clear()
    other = house.another(content=content)
    if same_file:
        other.image_hash = house.image_hash
    first = asyncio.create_task(house.find())
    await until(lambda: bool(house.photo.asked))

    second = asyncio.create_task(house.find(other))
    await until(lambda: house.paid_once.metrics.flight_joins.tallies == {(): 1})
    house.photo.gate.set()
    (paid, joined) = await asyncio.gather(first, second)

    assert (paid.paid, joined.paid, other.asked) == (True, False, [])
    assert (joined.known.matched_by, joined.known.image_hash) == (matched_by, house.image_hash)
    assert joined.is_named == same_file


async def test_a_photo_that_is_known_by_what_decodes_is_not_prepared() -> None:
    house = House()
    house.photo.content = "c1:photo"
    known = house.known.answers["c1:photo"] = make_known(matched_by=MatchedBy.CONTENT)

    assert await house.find() == Result(known, paid=False)
    assert (house.photo.prepared, house.leases.claims) == (0, 0)


async def test_a_photo_that_would_be_asked_about_in_the_same_words_is_not_asked_about() -> None:
    house = House()
    known = house.known.answers[house.photo.question] = make_known(matched_by=MatchedBy.QUESTION)

    assert await house.find() == Result(known, paid=False)
    assert (house.photo.asked, house.leases.claims) == ([], 0)


async def test_a_near_match_that_may_be_given_is_given_without_a_lease() -> None:
    house = House()
    house.photo.near = make_known(matched_by=MatchedBy.NEAR)

    assert await house.find() == Result(house.photo.near, paid=False)
    assert (house.photo.asked, house.leases.claims) == ([], 0)


@pytest.mark.parametrize("name", ["c1:photo", "q1:question"])
async def test_another_version_of_a_refused_photo_is_not_asked_about(name: str) -> None:
    house = House()
    house.photo.content = "c1:photo"
    house.refusals.refused.add(name)

    with pytest.raises(Refused):
        await house.find()
    assert house.photo.asked == []


@pytest.mark.parametrize("by", [MatchedBy.BYTES, MatchedBy.CONTENT])
async def test_an_answer_that_another_process_is_finding_out_is_waited_for_without_an_upload(by: MatchedBy) -> None:
    house = House()
    elsewhere = House(known=house.known, leases=house.leases)
    house.photo.content = "c1:photo"
    name = house.image_hash if by is MatchedBy.BYTES else house.photo.content
    house.photo.gate.clear()
    asking = asyncio.create_task(house.find())
    await until(lambda: f"mark:{name}" in house.leases.owners and bool(house.photo.asked))

    waiting = asyncio.create_task(elsewhere.paid_once.wait_for([name], 10))
    await until(lambda: elsewhere.paid_once.waiters.in_use == 1)
    house.photo.gate.set()

    assert await waiting == (await asking).known.matched_at_best(by)


async def test_nobody_waits_for_a_photo_that_nobody_asks_about_or_longer_than_was_said() -> None:
    house = House()
    assert await house.paid_once.wait_for([house.image_hash], 10) is None

    house.leases.owners[f"mark:{house.image_hash}"] = "another"
    assert await house.paid_once.wait_for([house.image_hash], 0.05) is None


async def test_an_answer_that_came_after_the_caller_had_looked_is_given_though_nobody_asks_any_more() -> None:
    house = House()
    known = house.known.answers[house.image_hash] = make_known(house.image_hash)

    assert await house.paid_once.wait_for([house.image_hash], 10) == known


async def test_a_wait_ends_when_the_question_brings_no_answer() -> None:
    house = House()
    house.photo.gate.clear()
    house.photo.failure = ModelTimeout(detail="slow")
    asking = asyncio.create_task(house.find())
    await until(lambda: f"mark:{house.image_hash}" in house.leases.owners and bool(house.photo.asked))
    waiting = asyncio.create_task(house.paid_once.wait_for([house.image_hash], 600))
    await until(lambda: house.paid_once.waiters.in_use == 1)

    house.photo.gate.set()

    with pytest.raises(ModelTimeout):
        await asking
    assert await waiting is None


async def test_so_many_may_wait_and_no_more() -> None:
    house = House()
    house.leases.owners[f"mark:{house.image_hash}"] = "another"
    waiting = [asyncio.create_task(house.paid_once.wait_for([house.image_hash], 600)) for _ in range(MAX_WAITERS)]
    await until(lambda: house.paid_once.waiters.in_use == MAX_WAITERS)

    assert await house.paid_once.wait_for([house.image_hash], 600) is None

    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_a_photo_is_asked_about_though_nobody_can_say_whether_a_picture_looks_alike() -> None:
    house = House()
    house.photo.near_failure = DatabaseUnavailable(detail="away")

    assert (await house.find()).paid is True


async def test_what_is_asked_is_kept_even_when_it_takes_longer_than_there_was_to_wait_for_a_lease() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=1.1)
    house.photo.gate.clear()
    asking = asyncio.create_task(house.find())
    await until(lambda: bool(house.photo.asked))

    await asyncio.sleep(1.15)  # the time is over by then
    house.photo.gate.set()

    assert (await asking).paid is True


async def test_whoever_waited_for_a_lease_is_told_of_the_refusal_that_came_meanwhile() -> None:
    house = House()
    house.leases.before_claim = lambda: house.refusals.refused.add(house.photo.question)

    with pytest.raises(Refused):
        await house.find()
    assert house.photo.asked == []


async def test_nobody_waits_longer_for_what_another_began_than_for_a_question_of_ones_own() -> None:
    house = House(lease_seconds=0, model_timeout_seconds=0.2)
    late = house.another()
    late.preparing_seconds = 0.19
    house.photo.preparing_seconds = 0.15
    house.photo.gate.clear()
    first = asyncio.create_task(house.find())
    begun = asyncio.get_running_loop().time()

    with pytest.raises(TimeoutError):
        await house.find(late)
    assert asyncio.get_running_loop().time() - begun < 0.2 + 1.5
    house.photo.gate.set()
    await asyncio.wait([first])


async def test_who_waits_for_a_client_that_has_had_its_share_is_not_refused_with_it() -> None:
    """Neither by the name of the content, nor by that of the question."""
    house = House()
    house.photo.gate.clear()
    house.photo.failure = QuotaExceeded()
    twin, alike = house.another(content="c1:same"), house.another()
    house.photo.content = "c1:same"
    leading = asyncio.create_task(house.find())
    await until(lambda: bool(house.photo.asked))
    waiting = [asyncio.create_task(house.find(photo)) for photo in (twin, alike)]
    await until(lambda: alike.prepared == 1)

    house.photo.gate.set()

    with pytest.raises(QuotaExceeded):
        await leading
    results = await asyncio.gather(*waiting)
    assert sum(result.paid for result in results) == 1
    assert len(twin.asked) + len(alike.asked) == 1


async def test_who_has_had_its_share_is_refused_once() -> None:
    house = House()
    house.photo.failure = QuotaExceeded()

    with pytest.raises(QuotaExceeded):
        await house.find()

    assert len(house.photo.asked) == 1


async def test_who_has_no_time_makes_a_deferred_question_hurry_and_is_answered_with_it() -> None:
    house = House()
    deferred, standard = house.another(may_be_deferred=True), house.another()

    waiting = asyncio.create_task(house.find(deferred))
    await until(lambda: bool(deferred.asked))
    first, second = await asyncio.wait_for(asyncio.gather(waiting, house.find(standard)), 5)

    assert (first.paid, second.paid) == (True, False)
    assert second.known.classification == first.known.classification
    assert (len(deferred.asked), len(standard.asked)) == (1, 0)
    assert deferred.asked[0] > house.model_timeout_seconds


async def test_who_has_no_time_makes_a_deferred_question_of_another_process_hurry() -> None:
    first_house = House()
    second_house = House(known=first_house.known, leases=first_house.leases)
    deferred, standard = first_house.another(may_be_deferred=True), second_house.another()

    waiting = asyncio.create_task(first_house.find(deferred))
    await until(lambda: bool(deferred.asked))
    first, second = await asyncio.wait_for(asyncio.gather(waiting, second_house.find(standard)), 5)

    assert (first.paid, second.paid) == (True, False)
    assert standard.asked == []


async def test_who_has_no_time_is_heard_through_a_deferred_upload_that_waits_for_another_process() -> None:
    first_house = House()
    second_house = House(known=first_house.known, leases=first_house.leases)
    asking, behind = (house.another(may_be_deferred=True) for house in (first_house, second_house))
    standard = second_house.another()

    waiting = [asyncio.create_task(first_house.find(asking))]
    await until(lambda: bool(asking.asked))
    waiting.append(asyncio.create_task(second_house.find(behind)))
    await until(lambda: first_house.leases.claims > 1)
    answers = await asyncio.wait_for(asyncio.gather(*waiting, second_house.find(standard)), 5)

    assert [answer.paid for answer in answers] == [True, False, False]
    assert behind.asked == standard.asked == []


@pytest.mark.parametrize("content", [None, "c1:same"])
@pytest.mark.parametrize("failure", [ModelTimeout(), TimeoutError()])
async def test_who_has_time_does_not_fail_with_who_had_none_and_asks_within_what_is_left(
    failure: Exception, content: str | None
) -> None:
    house = House()
    standard, deferred = house.another(content=content), house.another(content=content, may_be_deferred=True)
    standard.failure = failure
    standard.gate.clear()
    leading = asyncio.create_task(house.find(standard))
    await until(lambda: bool(standard.asked))
    joining = asyncio.create_task(house.find(deferred))
    await until(lambda: deferred.prepared == 1)

    standard.gate.set()
    with pytest.raises(type(failure)):
        await leading
    await until(lambda: bool(deferred.asked))
    with house.paid_once.hurry.wait(deferred.question):
        result = await asyncio.wait_for(joining, 5)

    assert result.paid
    assert house.model_timeout_seconds < deferred.asked[0] <= house.paid_once.deferred_seconds


async def test_who_has_time_looks_seldom_for_what_another_process_asks_until_somebody_is_in_a_hurry() -> None:
    table, hurried, looks = FakeLeaseTable({"photo": "another"}), asyncio.Event(), 0
    leases = Leases(as_any(table), Metrics(), look_seconds=0, slow_look_seconds=3600)

    async def look() -> str | None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return "answer" if "hurry" in table.owners else None

    async def wait() -> str | None:
        async with leases.hold("photo", look, "hurry", hurried) as found:
            return found

    waiting = asyncio.create_task(wait())
    for _ in range(100):
        await asyncio.sleep(0)
    assert (looks, table.owners) == (1, {"photo": "another"})
    hurried.set()

    assert await asyncio.wait_for(waiting, 5) == "answer"
    await leases.close(1)


async def test_who_has_time_lets_a_deferred_question_take_it() -> None:
    house = House()
    photos = [house.another(may_be_deferred=True) for _ in range(2)]

    waiting = [asyncio.create_task(house.find(photo)) for photo in photos]
    await until(lambda: bool(photos[0].asked))
    for _ in range(20):
        await asyncio.sleep(0)

    assert not any(task.done() for task in waiting)
    with house.paid_once.hurry.wait(photos[0].question):
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert len(photos[0].asked) + len(photos[1].asked) == 1
