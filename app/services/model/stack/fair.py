"""A part of the model's places for each client, so that none keeps the others waiting."""

from app.models.domain import ModelReply
from app.observe.metrics import Metrics
from app.services.model.errors import ClientShareTaken
from app.services.model.stack.limit import WAITING_PER_RUNNING
from app.services.model_client import ModelClient, Question
from app.utils.places import Places


class FairModel:
    """Lets each client have `share` of the places that run, at least one, and as much of those that wait.

    A client waits for places of its own before it takes one of the model's. So while one has more questions than its
    share, the others' do not wait behind them.
    """

    def __init__(self, inner: ModelClient, share: float, max_concurrency: int, metrics: Metrics) -> None:
        self._inner = inner
        self._running = max(1, int(share * max_concurrency))
        self._metrics = metrics
        self._clients: dict[str, Places] = {}

    async def ask(self, question: Question) -> ModelReply:
        client = question.client
        places = self._clients.get(client)
        if places is None:
            waiting = WAITING_PER_RUNNING * self._running
            places = self._clients[client] = Places(self._running, waiting, ClientShareTaken)
        try:
            async with places.take(question.deadline.at):
                return await self._inner.ask(question)
        except ClientShareTaken:
            self._metrics.quota_refusals.add("share")
            raise
        finally:
            if not places.in_use:
                self._clients.pop(client, None)
