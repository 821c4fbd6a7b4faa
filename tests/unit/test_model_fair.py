"""No client keeps the others from the model."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from app.models.domain import ModelReply
from app.observe.metrics import Metrics
from app.services.model.errors import ClientShareTaken
from app.services.model.stack.fair import FairModel
from app.services.model.stack.limit import LimitedModel
from app.services.model_client import Question
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, make_question


@dataclass
class House:
    """A model with ten places, and a share for each client, which answers when the gate is open."""

    share: float = 0.5
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    running: Counter[str] = field(default_factory=Counter)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.model = FairModel(LimitedModel(FakeModel([self._answer]), 10), self.share, 10, self.metrics)

    async def _answer(self, question: Question) -> ModelReply:
        self.running[question.client] += 1
        await self.gate.wait()
        return make_reply()

    async def ask(self, client: str, seconds: float = 5) -> ModelReply:
        question = make_question(seconds)
        question.client = client
        return await self.model.ask(question)

    async def begin(self, client: str, times: int) -> list[asyncio.Task[ModelReply]]:
        tasks = [asyncio.create_task(self.ask(client)) for _ in range(times)]
        for _ in range(5):
            await asyncio.sleep(0)
        return tasks


async def test_one_client_with_many_questions_leaves_places_free_for_others() -> None:
    house = House()

    greedy = await house.begin("greedy", 200)
    others = await house.begin("other", 5)

    assert house.running == {"greedy": 5, "other": 5}
    house.gate.set()
    await asyncio.gather(*others)
    ends = await asyncio.gather(*greedy, return_exceptions=True)
    assert sum(isinstance(end, ModelReply) for end in ends) == 25  # five that ran, and four times as many that waited
    assert sum(isinstance(end, ClientShareTaken) for end in ends) == 175
    assert house.metrics.quota_refusals.tallies["share",] == 175


async def test_a_client_that_has_waited_too_long_for_its_own_places_is_told_so() -> None:
    house = House()
    running = await house.begin("greedy", 5)

    with pytest.raises(ClientShareTaken):
        await house.ask("greedy", seconds=0.01)

    house.gate.set()
    await asyncio.gather(*running)


@pytest.mark.parametrize(("share", "places"), [(0.01, 1), (0.29, 2), (1.0, 10)])
async def test_a_share_is_at_least_one_place_and_never_more_than_it_says(share: float, places: int) -> None:
    house = House(share)

    tasks = await house.begin("a", 10)

    assert house.running == {"a": places}
    house.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_has_left_is_forgotten() -> None:
    house = House()
    house.gate.set()

    for number in range(100):
        await house.ask(f"client-{number}")

    assert house.model._clients == {}
