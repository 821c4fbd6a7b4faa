"""When near matches are served: by the setting, and by what came of those that a model was asked about."""

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from app.models.near import NearDuplicates, TrialTotals
from app.observe.metrics import Metrics
from app.services.identity.build import build_near
from app.services.identity.trials import LATEST_TRIALS, Evidence, NearMode, error_interval
from app.utils.wilson import Interval
from tests.conftest import make_settings
from tests.support.near import FakeNeighbours, FakeTrials

ENOUGH = TrialTotals(300, 0)
TOO_WRONG = TrialTotals(300, 300)


@dataclass
class Seconds:
    """A clock that stands until it is told to go."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def make_mode(
    trials: FakeTrials, mode: NearDuplicates = "auto", seconds: Seconds | None = None, max_error: float = 0.02
) -> NearMode:
    return NearMode(mode, max_error, Evidence(trials, seconds or Seconds()))


@pytest.mark.parametrize(
    ("disagreed", "comparisons", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(disagreed: int, comparisons: int, low: float, high: float) -> None:
    """The values are those of R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998."""
    interval = error_interval(TrialTotals(comparisons, disagreed))

    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_of_nothing_nothing_is_known() -> None:
    assert error_interval(TrialTotals(0, 0)) == Interval(0.0, 1.0)


def test_the_interval_holds_the_share_that_was_seen_and_stays_between_none_and_all() -> None:
    for count in (1, 7, 300, 1000):
        for disagreed in range(count + 1):
            interval = error_interval(TrialTotals(count, disagreed))
            assert 0 <= interval.low <= disagreed / count + 1e-12
            assert disagreed / count - 1e-12 <= interval.high <= 1


@pytest.mark.parametrize(("mode", "serves"), [("off", False), ("observe", False), ("serve", True)])
@pytest.mark.parametrize("totals", [ENOUGH, TOO_WRONG])
async def test_the_other_modes_do_not_heed_the_evidence(
    mode: NearDuplicates, serves: bool, totals: TrialTotals
) -> None:
    assert await make_mode(FakeTrials(totals), mode).serves() == serves


@pytest.mark.parametrize(
    ("comparisons", "disagreed", "serves"),
    [
        (0, 0, False),
        (299, 0, False),
        (300, 0, True),
        (300, 1, True),  # at most 1.87 %
        (300, 2, False),  # at most 2.40 %
        (1000, 11, True),
        (1000, 12, False),
    ],
)
async def test_auto_serves_while_enough_comparisons_allow_it(comparisons: int, disagreed: int, serves: bool) -> None:
    assert await make_mode(FakeTrials(TrialTotals(comparisons, disagreed))).serves() == serves


async def test_only_off_does_not_look() -> None:
    modes: list[NearDuplicates] = ["off", "observe", "auto", "serve"]

    assert [make_mode(FakeTrials(), mode).looks for mode in modes] == [False, True, True, True]


async def test_the_evidence_is_read_again_after_a_second_and_not_before() -> None:
    trials, seconds = FakeTrials(ENOUGH), Seconds()
    mode = make_mode(trials, seconds=seconds)
    assert await mode.serves()

    trials.totals = TOO_WRONG
    seconds.now = 0.999
    assert await mode.serves()
    seconds.now = 1.0
    assert not await mode.serves()
    assert trials.reads == 2


async def test_many_at_once_read_once() -> None:
    trials = FakeTrials(ENOUGH)
    trials.gate.clear()
    mode = make_mode(trials)

    asking = [asyncio.create_task(mode.serves()) for _ in range(20)]
    while not trials.reads:
        await asyncio.sleep(0)
    trials.gate.set()

    assert await asyncio.gather(*asking) == [True] * 20
    assert trials.reads == 1


async def test_one_who_leaves_while_it_is_read_leaves_the_reading_to_the_next() -> None:
    trials = FakeTrials(ENOUGH)
    trials.gate.clear()
    mode = make_mode(trials)
    leaving = asyncio.create_task(mode.serves())
    staying = asyncio.create_task(mode.serves())
    while not trials.reads:
        await asyncio.sleep(0)

    leaving.cancel()
    trials.gate.set()

    assert await staying


async def test_while_the_database_is_away_the_last_known_answer_stands_and_it_is_asked_once_a_second() -> None:
    trials, seconds = FakeTrials(ENOUGH), Seconds()
    mode = make_mode(trials, seconds=seconds)
    assert await mode.serves()

    trials.away = True
    for seconds.now in (5.0, 5.5, 6.0):
        assert await mode.serves()
    assert trials.reads == 3


async def test_before_the_database_has_answered_nothing_is_served() -> None:
    mode = make_mode(FakeTrials(ENOUGH, away=True))

    assert not await mode.serves()
    assert "database" in (await mode.describe()).reason


def image_hash(rng: random.Random) -> str:
    return f"{rng.getrandbits(256):064x}"


def test_one_photo_in_20_is_audited_and_always_the_same() -> None:
    rng = random.Random(1)
    mode, other_process = make_mode(FakeTrials()), make_mode(FakeTrials(), "serve")
    photos = [image_hash(rng) for _ in range(20_000)]

    audited = [photo for photo in photos if mode.is_audit(photo)]

    assert 900 < len(audited) < 1100
    assert audited == [photo for photo in photos if other_process.is_audit(photo)]
    assert mode.is_audit("f" * 56 + "00000014")
    assert not mode.is_audit("f" * 56 + "00000015")


@pytest.mark.parametrize("mode", ["off", "observe"])
def test_where_nothing_is_served_nothing_is_an_audit(mode: NearDuplicates) -> None:
    assert not make_mode(FakeTrials(), mode).is_audit("0" * 64)


@pytest.mark.parametrize(
    ("mode", "totals", "state", "said"),
    [
        ("off", ENOUGH, "off", "off"),
        ("observe", ENOUGH, "observing", "observe"),
        ("serve", TOO_WRONG, "serving", "serve"),
        ("auto", TrialTotals(212, 1), "observing", "212 comparisons are on record, and 300 are needed"),
        ("auto", TrialTotals(1000, 10), "serving", "10 of the latest 1000 comparisons disagreed: at most 1.83 %"),
        ("auto", TrialTotals(1000, 50), "observing", "50 of the latest 1000 comparisons disagreed: up to 6.53 %"),
    ],
)
async def test_what_is_done_is_told_with_its_reason_and_its_numbers(
    mode: NearDuplicates, totals: TrialTotals, state: str, said: str
) -> None:
    status = await make_mode(FakeTrials(totals), mode).describe()

    assert (status.mode, status.state, status.evidence) == (mode, state, totals)
    assert status.interval == error_interval(totals)
    assert said in status.reason


@pytest.mark.parametrize("mode", ["off", "observe", "auto", "serve"])
async def test_the_metric_says_whether_this_process_serves(mode: NearDuplicates) -> None:
    metrics = Metrics()
    near = build_near(make_settings(near_duplicates=mode), FakeNeighbours(), FakeTrials(ENOUGH), metrics)
    assert metrics.near_serving.read() == {(): mode == "serve"}

    serves = await near.mode.serves()

    assert metrics.near_serving.read() == {(): serves}


@dataclass
class Deployment:
    """Processes on one table of trials, and a stream of near matches, each of which a model would call wrong with a
    given probability. A second passes between two of them, so that each process reads what the others wrote."""

    rng: random.Random
    table: deque[bool] = field(default_factory=lambda: deque(maxlen=LATEST_TRIALS))
    comparisons: int = 0
    seconds: Seconds = field(default_factory=Seconds)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.processes = [NearMode("auto", 0.02, Evidence(self, self.seconds)) for _ in range(3)]

    async def sum_latest(self, count: int) -> TrialTotals:
        assert count == LATEST_TRIALS
        return TrialTotals(len(self.table), sum(self.table))

    async def match(self, error: float) -> bool:
        """Let one of the processes have a near match; return whether it was one that serves."""
        self.seconds.now += 1
        process = self.rng.choice(self.processes)
        serves = await process.serves()
        if not serves or process.is_audit(image_hash(self.rng)):
            self.comparisons += 1
            self.table.append(self.rng.random() < error)
        return serves

    async def until_serving(self, error: float) -> None:
        while not await self.match(error):
            assert self.comparisons < 20_000

    def allowed(self) -> bool:
        totals = TrialTotals(len(self.table), sum(self.table))
        return totals.comparisons >= 300 and error_interval(totals).high <= 0.02


SEEDS = range(10)


@pytest.mark.parametrize("seed", SEEDS)
async def test_with_one_error_in_a_hundred_it_serves_whenever_the_interval_allows_it_and_only_then(seed: int) -> None:
    deployment = Deployment(random.Random(seed))
    served = 0

    for _ in range(20_000):
        allowed = deployment.allowed()
        serves = await deployment.match(0.01)
        assert serves == allowed
        served += serves

    assert served > 5_000


@pytest.mark.parametrize("error", [1.0, 0.5])
@pytest.mark.parametrize("seed", SEEDS)
async def test_when_the_models_answers_change_it_stops_within_50_comparisons(seed: int, error: float) -> None:
    deployment = Deployment(random.Random(seed))
    await deployment.until_serving(0.005)
    for _ in range(10_000):
        await deployment.match(0.005)
    await deployment.until_serving(0.005)
    begun = deployment.comparisons

    while await deployment.match(error):
        pass

    assert deployment.comparisons - begun <= 50
    deployment.restart()
    for _ in range(500):
        assert not await deployment.match(error)


@pytest.mark.parametrize("seed", SEEDS)
async def test_with_five_errors_in_a_hundred_it_never_serves(seed: int) -> None:
    deployment = Deployment(random.Random(seed))

    assert not any([await deployment.match(0.05) for _ in range(5_000)])


async def test_a_restart_forgets_nothing() -> None:
    deployment = Deployment(random.Random(0))
    await deployment.until_serving(0.0)

    deployment.restart()

    assert await deployment.match(0.0)
