"""What the service asks of a model. The behaviour stacked around a provider is in `model/stack/`.

logged → the network at last → the network first → deferred → fall back → retry → breaker → fair share → limit → answer
formats → budgeted → counted → provider: each is a `ModelClient` around a `ModelClient`.
"""

import asyncio
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Protocol

from app.models.domain import ModelCall, ModelReply, Usage
from app.utils.deadline import Deadline


@dataclass(slots=True)
class Question:
    """One picture to be classified, as a prepared JPEG, before a deadline.

    `calls` is what was sent to models for it so far, whatever became of it. Wrappers that ask with another deadline use
    `dataclasses.replace`, so that all of them write into the same list. Around the embedded network they give a list of
    its own, since what came of its look is known later.
    """

    jpeg: bytes
    deadline: Deadline
    client: str = ""
    """Who asks, as `client_name` says it, where clients are counted or share places."""

    calls: list[ModelCall] = field(default_factory=list)
    may_be_deferred: bool = False
    """Whether the vendor's cheap lane may be asked, which takes long."""

    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody waits for a deferred question who will not wait so long."""

    @property
    def usage(self) -> Usage:
        """The tokens of all calls so far: what the vendors bill for this question."""
        return reduce(add, (call.usage for call in self.calls), Usage())


class ModelClient(Protocol):
    """Something that can say which category a picture belongs to."""

    async def ask(self, question: Question) -> ModelReply:
        """Return a validated answer before the question's deadline, and add what was sent to `question.calls`.

        Raises a `ModelError` and nothing else.
        """
        ...
