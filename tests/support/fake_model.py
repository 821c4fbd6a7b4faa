"""A model that answers as its script says, for tests of what is stacked around one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.models.domain import ModelReply, Usage
from app.services.model.errors import ModelError
from app.services.model_client import ModelClient, Question
from app.utils.deadline import Deadline
from tests.factories import make_call

Step = ModelReply | Exception | Callable[[Question], Awaitable[ModelReply]]


@dataclass
class FakeModel:
    """Answers a step a call; the last step again for all further calls. It keeps the questions.

    Each question gets a call of `call_ms` milliseconds with `call_usage`, as `CountedModel` would add it, unless the
    test has a `CountedModel` around it (`adds_calls`).
    """

    script: list[Step]
    call_ms: int = 0
    call_usage: Usage = field(default_factory=Usage)
    adds_calls: bool = True
    questions: list[Question] = field(default_factory=list)

    async def ask(self, question: Question) -> ModelReply:
        self.questions.append(question)
        if self.adds_calls:
            question.calls.append(make_call(duration_ms=self.call_ms, usage=self.call_usage))
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, ModelReply) else await step(question)

    @property
    def calls(self) -> int:
        return len(self.questions)


def failing(kind: type[ModelError], retry_after_seconds: int | None = None) -> ModelError:
    return kind(retry_after_seconds=retry_after_seconds)


def make_question(seconds: float = 5.0, jpeg: bytes = b"jpeg") -> Question:
    """Return a question with so much time. Needs a running event loop."""
    return Question(jpeg, Deadline.after(seconds))


async def ask(model: ModelClient, seconds: float = 5.0, jpeg: bytes = b"jpeg") -> ModelReply:
    return await model.ask(make_question(seconds, jpeg))
