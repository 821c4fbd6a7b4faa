"""Questions to a model are told with what became of them, and each kind of end is told apart."""

import asyncio

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from app.models.domain import ModelReply
from app.observe.gen_ai import GenAI
from app.services.model.errors import ModelTimeout
from app.services.model.stack.traced import TracedModel
from app.services.model_client import Question
from tests.factories import make_reply
from tests.support.fake_model import FakeModel, Step, ask, failing


class Told:
    """A model that is traced, and what was told of it."""

    def __init__(self, step: Step) -> None:
        self._spans = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.gen_ai = GenAI(provider.get_tracer("test"))
        self.model = TracedModel(FakeModel([step]), "openai", "gpt", self.gen_ai)

    @property
    def error(self) -> object:
        """The type of the error in the span and in the histogram, which have to be the same."""
        (span,) = self._spans.get_finished_spans()
        (labels,) = self.gen_ai.duration.tallies
        in_span = (span.attributes or {}).get("error.type")
        assert labels[-1] == (in_span or "")
        assert (span.status.status_code is StatusCode.ERROR) == (in_span is not None)
        assert not span.events
        return in_span


async def test_an_answer_is_told_without_an_error() -> None:
    told = Told(make_reply())

    await ask(told.model)

    assert told.error is None


@pytest.mark.parametrize(
    ("error", "name"),
    [(failing(ModelTimeout), ModelTimeout.code), (KeyError("a text of the vendor's"), "KeyError")],
)
async def test_an_error_is_told_by_its_code_and_a_defect_by_its_type(error: Exception, name: str) -> None:
    told = Told(error)

    with pytest.raises(type(error)):
        await ask(told.model)

    assert told.error == name


async def test_a_question_that_nobody_waits_for_is_told_as_cancelled() -> None:
    asked = asyncio.Event()

    async def hang(question: Question) -> ModelReply:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    told = Told(hang)
    caller = asyncio.create_task(ask(told.model))
    await asked.wait()
    caller.cancel()
    await asyncio.wait([caller])

    assert told.error == "cancelled"
