"""The story of both endpoints, with fakes around it: what is looked up, asked and written down, and in which order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from app.errors import DatabaseUnavailable, HashMismatch, Overloaded, Refused
from app.models.domain import LOCAL_MODEL, Category, Failure, KnownAnswer, ModelReply, Outcome, OwnAnswer
from app.models.identity import Alias, Fingerprint, MatchedBy, Naming, Trial
from app.models.near import NearDuplicates, Neighbour
from app.models.prices import Prices
from app.observe.metrics import Metrics
from app.services.cache.lookups import BatchedLookups
from app.services.cache.memory import MemoryCache
from app.services.cache_service import CacheService
from app.services.classifier import ClassifierService, FoundTogether, NamedPhoto
from app.services.identity.build import NearParts
from app.services.identity.near import NearSearch
from app.services.identity.trials import Evidence, NearMode
from app.services.model.errors import ModelBadAnswer, ModelRefused, ModelTimeout
from app.services.model_client import Question
from app.services.one_call.hurry import Hurry
from app.services.one_call.lease import Leases
from app.services.one_call.paid_once import PaidOnce
from app.services.one_call.photo import Result
from app.services.one_call.single_flight import SingleFlight
from app.services.photo_in_question import QuestionParts
from app.services.records.recorder import Recorder
from app.utils.deadline import Deadline
from app.utils.hash_utils import question_name
from app.utils.image_utils import Prepared
from tests.factories import make_classification, make_context, make_image_hash, make_known, make_reply
from tests.fakes import NOON, FakeCommits, FakeLeaseTable, FakeRefusals, FakeTable, as_any, fixed_clock
from tests.support.fake_model import FakeModel
from tests.support.near import FakeNeighbours, FakeTrials

REPLY = make_reply()
FINGERPRINT = Fingerprint(bytes(range(32)), 100, 4, 3)
PHOTO = b"the bytes of a photo"
HASH = sha256(PHOTO).hexdigest()


@dataclass
class FakePreparer:
    """Prepares at once, or fails."""

    failure: Exception | None = None
    is_busy: bool = False
    prepared: list[bytes] = field(default_factory=list)

    async def prepare(self, data: bytes, deadline: Deadline) -> Prepared:
        self.prepared.append(data)
        await asyncio.sleep(0)  # others come to their turns meanwhile
        if self.failure is not None:
            raise self.failure
        return Prepared(b"jpeg", FINGERPRINT)


NEIGHBOUR = Neighbour("b" * 64, 6, 8, 6, Category.FOODS, 0.9, 1000)


async def never(question: Question) -> ModelReply:
    """Be a model that does not answer."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class FakeVotes:
    """Users who say that every photo is a screenshot."""

    voters: set[str | None] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def answers_for(self, user_id: str, photos: Sequence[tuple[Sequence[str], KnownAnswer]]) -> list[KnownAnswer]:
        self.asked.append(user_id)
        own = make_classification(Category.SCREENSHOT, 1, None)
        return [OwnAnswer(own, known.image_hash, known.matched_by, known.image_size) for _, known in photos]


@dataclass
class House:
    """A `ClassifierService` and all the fakes around it."""

    table: FakeTable = field(default_factory=FakeTable)
    commits: FakeCommits = field(default_factory=FakeCommits)
    refusals: FakeRefusals = field(default_factory=FakeRefusals)
    leases: FakeLeaseTable = field(default_factory=FakeLeaseTable)
    preparer: FakePreparer = field(default_factory=FakePreparer)
    model: FakeModel = field(default_factory=lambda: FakeModel([REPLY]))
    model_timeout_seconds: float = 30
    metrics: Metrics = field(default_factory=Metrics)
    near: NearDuplicates = "off"
    neighbours: FakeNeighbours = field(default_factory=FakeNeighbours)
    votes: FakeVotes = field(default_factory=FakeVotes)

    def __post_init__(self) -> None:
        search = NearSearch(self.neighbours, 10, self.metrics)
        near = NearParts(search, NearMode(self.near, 0.02, Evidence(FakeTrials())))
        lookups = BatchedLookups(self.table.fetch_many, metrics=self.metrics)
        cache = CacheService(MemoryCache(10, 60), lookups, near.mode.serves, self.metrics)
        self.flights = SingleFlight[Result](metrics=self.metrics)
        recorder = Recorder(as_any(self.commits), fixed_clock, True, Prices(Decimal("0.01"), None, None))
        leases = Leases(as_any(self.leases), self.metrics)
        paid_once = PaidOnce(
            known=cache,
            refusals=self.refusals,
            flights=self.flights,
            leases=leases,
            hurry=Hurry(leases, look_seconds=0.01),
            check_storage=lambda: None,
            model_timeout_seconds=self.model_timeout_seconds,
            deferred_seconds=10 * self.model_timeout_seconds,
            clock=fixed_clock,
            metrics=self.metrics,
        )
        parts = QuestionParts(
            preparer=as_any(self.preparer),
            model=self.model,
            recorder=recorder,
            cache=cache,
            near=near,
            refusal_ttl=timedelta(days=1),
            clock=fixed_clock,
            metrics=self.metrics,
        )
        self.service = ClassifierService(paid_once, parts, cache, self.votes)

    @property
    def written(self) -> list[Outcome | Failure]:
        return self.commits.outcomes


def named(names: Sequence[str]) -> list[NamedPhoto]:
    return [NamedPhoto([name], make_context()) for name in names]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    await made.flights.close(0)


async def test_a_voters_own_answers_to_many_photos_are_asked_for_once(house: House) -> None:
    """Or a database that hangs would be waited for as often as there are photos."""
    names = [make_image_hash() for _ in range(3)]
    house.table.answers = {name: make_known(name) for name in names[1:]}
    house.votes.voters.add("device-42")

    found = await house.service.check_cache_all(named(names), list)

    assert [isinstance(one, OwnAnswer) for one in found] == [False, True, True]
    assert house.votes.asked == ["device-42"]


@dataclass
class SlowCommits(FakeCommits):
    """Takes hits down when the gate is open, each with what is said of it here."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    said: list[Exception | None] = field(default_factory=list)

    async def record_all(self, outcomes: Sequence[Outcome]) -> list[Exception | None]:
        await self.gate.wait()
        await super().record_all(outcomes)
        return self.said


async def test_the_answer_to_many_photos_is_put_together_while_their_hits_are_recorded_and_given_after() -> None:
    commits = SlowCommits(said=[None, None])
    house = House(commits=commits)
    names = [make_image_hash() for _ in range(2)]
    house.table.answers = {name: make_known(name) for name in names}
    put_together = asyncio.Event()

    def tell(found: FoundTogether) -> FoundTogether:
        assert not put_together.is_set(), "once is enough"
        put_together.set()
        return list(found)

    call = asyncio.create_task(house.service.check_cache_all(named(names), tell))
    async with asyncio.timeout(5):
        await put_together.wait()
        assert not call.done()
        assert house.written == []
        commits.gate.set()
        assert await call == [make_known(name) for name in names]
    assert len(house.written) == 2


async def test_a_hit_that_could_not_be_recorded_is_told_in_its_place() -> None:
    failure = DatabaseUnavailable()
    house = House(commits=SlowCommits(said=[None, failure]))
    as_any(house.commits).gate.set()
    names = [make_image_hash() for _ in range(3)]
    house.table.answers = {name: make_known(name) for name in (names[0], names[2])}

    found = await house.service.check_cache_all(named(names), list)

    assert found == [make_known(names[0]), None, failure]
    assert house.metrics.answers.tallies[("bytes",)] == 1


async def test_what_a_voter_is_answered_is_on_record_and_remembered_for_nobody(house: House) -> None:
    """Even where the photo's names are new, and the shared answer is remembered by them."""
    house.table.answers[question_name(b"jpeg")] = make_known(matched_by=MatchedBy.QUESTION)
    house.votes.voters.add("device-42")

    mine = await house.service.classify(PHOTO, HASH, make_context("device-42"))
    looked_up = await house.service.check_cache([HASH], make_context("device-42"))
    theirs = await house.service.classify(PHOTO, HASH, make_context("device-43"))

    assert looked_up is not None
    assert mine.known.classification.category is looked_up.classification.category is Category.SCREENSHOT
    assert theirs.known.classification == make_known().classification
    recorded = [one.classification.category for one in house.written if isinstance(one, Outcome)]
    assert recorded == [Category.SCREENSHOT, Category.SCREENSHOT, Category.FOODS]
    assert house.votes.asked == ["device-42", "device-42"]


async def test_a_known_photo_is_one_hit_and_needs_no_model(house: House) -> None:
    house.table.answers[HASH] = make_known(HASH)

    answer = await house.service.classify(PHOTO, HASH, make_context())

    assert (answer.known, answer.from_cache) == (make_known(HASH), True)
    assert (house.preparer.prepared, house.model.questions) == ([], [])
    (outcome,) = house.written
    assert isinstance(outcome, Outcome)
    assert (outcome.from_cache, outcome.image_size, outcome.image_hash) == (True, len(PHOTO), HASH)


async def test_a_new_photo_is_prepared_asked_about_written_down_and_then_known(house: House) -> None:
    answer = await house.service.classify(PHOTO, None, make_context())
    again = await house.service.check_cache([HASH], make_context())

    assert (answer.from_cache, again) == (False, answer.known)
    assert answer.known.classification == REPLY.classification
    assert [question.jpeg for question in house.model.questions] == [b"jpeg"]
    new, hit = house.written
    assert isinstance(new, Outcome)
    assert isinstance(hit, Outcome)
    assert (new.from_cache, len(new.calls), hit.from_cache) == (False, 1, True)
    question = question_name(b"jpeg")
    # The look, that with the question, and the second look behind the lease.
    assert house.table.asked == [[HASH], [HASH, question], [HASH, question]]
    assert new.naming == Naming(HASH, (Alias(question, MatchedBy.QUESTION),), FINGERPRINT)


async def test_a_wrong_checksum_is_an_error_before_anything_is_looked_up(house: House) -> None:
    with pytest.raises(HashMismatch):
        await house.service.classify(PHOTO, "0" * 64, make_context())

    assert (house.table.asked, house.written) == ([], [])


async def test_an_unknown_hash_is_a_miss_that_nobody_writes_down(house: House) -> None:
    assert await house.service.check_cache([HASH], make_context()) is None
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
        await house.service.check_cache([HASH], make_context())

    assert (await house.service.classify(PHOTO, None, make_context())).from_cache is False
    for name in (HASH, question_name(b"jpeg")):
        found = await house.service.check_cache([name], make_context())
        assert found is not None
        assert found.classification == REPLY.classification


async def test_a_photo_that_is_known_by_another_name_makes_its_own_names_known() -> None:
    house = House()
    known = house.table.answers[question_name(b"jpeg")] = make_known(matched_by=MatchedBy.QUESTION)

    answer = await house.service.classify(PHOTO, None, make_context())
    again = await house.service.check_cache([HASH], make_context())

    hit = house.written[0]
    assert isinstance(hit, Outcome)
    assert answer.known == again == known
    assert (hit.image_hash, hit.answer_hash, hit.known) == (HASH, known.image_hash, known)
    assert hit.naming is not None
    assert Alias(HASH, MatchedBy.QUESTION) in hit.naming.aliases
    assert house.metrics.answers.tallies[(MatchedBy.QUESTION,)] == 2


async def test_a_near_match_that_is_served_has_no_description_and_leaves_names_with_its_distance() -> None:
    house = House(near="serve", neighbours=FakeNeighbours([NEIGHBOUR]))

    answer = await house.service.classify(PHOTO, None, make_context())

    assert (answer.from_cache, answer.known.matched_by) == (True, MatchedBy.NEAR)
    assert answer.known.classification == replace(make_known().classification, confidence=0.9, description=None)
    (hit,) = house.written
    assert isinstance(hit, Outcome)
    assert hit.answer_hash == NEIGHBOUR.image_hash
    assert hit.naming is not None
    assert hit.naming.aliases == (
        Alias(HASH, MatchedBy.NEAR, 6),
        Alias(question_name(b"jpeg"), MatchedBy.NEAR, 6),
    )
    assert hit.naming.fingerprint is None  # no chains: nothing is found near what was found near
    assert house.model.questions == []


@pytest.mark.parametrize(("category", "outcome"), [(Category.FOODS, "agreed"), (Category.PETS, "disagreed")])
async def test_a_near_match_that_is_observed_is_paid_for_and_compared(category: Category, outcome: str) -> None:
    house = House(near="observe", neighbours=FakeNeighbours([replace(NEIGHBOUR, category=category)]))

    answer = await house.service.classify(PHOTO, None, make_context())

    (new,) = house.written
    assert isinstance(new, Outcome)
    assert (answer.from_cache, new.trial) == (False, Trial(NEIGHBOUR.image_hash, 6, category))
    assert house.metrics.near_trials.tallies[(outcome,)] == 1


async def test_an_audit_asks_about_a_near_match_although_near_matches_are_served() -> None:
    house = House(near="serve", neighbours=FakeNeighbours([NEIGHBOUR]))
    photos = (f"photo {number}".encode() for number in range(1000))
    audited = next(photo for photo in photos if int(sha256(photo).hexdigest()[-8:], 16) % 20 == 0)

    answer = await house.service.classify(audited, None, make_context())

    (new,) = house.written
    assert isinstance(new, Outcome)
    assert (answer.from_cache, new.trial is not None) == (False, True)


async def test_a_guess_of_the_offline_classifier_is_compared_with_nothing() -> None:
    guess = replace(REPLY, model_used=LOCAL_MODEL)
    house = House(near="observe", neighbours=FakeNeighbours([NEIGHBOUR]), model=FakeModel([guess]))

    await house.service.classify(PHOTO, None, make_context())

    (new,) = house.written
    assert isinstance(new, Outcome)
    assert (new.reply is not None, new.trial) == (True, None)
    assert set(house.metrics.near_trials.tallies.values()) == {0}


async def test_a_near_match_that_another_process_has_answered_meanwhile_is_compared_with_nothing() -> None:
    house = House(near="observe", neighbours=FakeNeighbours([NEIGHBOUR]))
    house.leases.before_claim = lambda: house.table.answers.update({HASH: make_known(HASH)})

    answer = await house.service.classify(PHOTO, None, make_context())

    (hit,) = house.written
    assert isinstance(hit, Outcome)
    assert (answer.from_cache, hit.from_cache, hit.trial) == (True, True, None)


async def test_a_known_photo_from_before_there_were_names_is_prepared_for_them_once() -> None:
    house = House()
    house.table.answers[HASH] = make_known(HASH, image_size=None)

    await asyncio.gather(*(house.service.classify(PHOTO, None, make_context()) for _ in range(5)))
    await house.service.classify(PHOTO, None, make_context())

    namings = [outcome.naming for outcome in house.written if isinstance(outcome, Outcome) and outcome.naming]
    assert namings == [Naming(HASH, (Alias(question_name(b"jpeg"), MatchedBy.QUESTION),), FINGERPRINT, len(PHOTO))]
    assert (len(house.written), house.preparer.prepared) == (6, [PHOTO])


async def test_another_version_of_a_photo_from_before_there_were_names_does_not_lend_it_its_own() -> None:
    house = House()
    house.table.answers[HASH] = make_known(matched_by=MatchedBy.CONTENT, image_size=None)

    await house.service.classify(PHOTO, None, make_context())

    (hit,) = house.written
    assert isinstance(hit, Outcome)
    assert (hit.naming, house.preparer.prepared) == (None, [])


async def test_a_known_photo_that_cannot_be_prepared_for_names_is_answered_all_the_same() -> None:
    house = House(preparer=FakePreparer(failure=Overloaded(detail="no place")))
    house.table.answers[HASH] = make_known(HASH, image_size=None)

    answer = await house.service.classify(PHOTO, None, make_context())

    (hit,) = house.written
    assert isinstance(hit, Outcome)
    assert (answer.from_cache, hit.naming) == (True, None)
