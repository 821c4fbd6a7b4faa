"""The embedded network beside models: before them, for what it is sure of; in place of them, while they are away."""

import pytest

from app.models.domain import LOCAL_MODEL, LOCAL_PROVIDER, Category, ModelReply
from app.observe.metrics import Metrics
from app.services.model.errors import (
    ModelBadAnswer,
    ModelCircuitOpen,
    ModelDenied,
    ModelError,
    ModelMisconfigured,
    ModelOverloaded,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.stack.counted import CountedModel
from app.services.model.stack.local_fallback import LocalFallbackModel
from app.services.model.stack.local_first import AUDIT_EVERY, LocalFirstModel, is_audit
from app.services.model_client import ModelClient, Question
from tests.factories import make_classification, make_reply
from tests.support.fake_model import FakeModel, Step, failing, make_question


def jpeg_of(*, audit: bool) -> bytes:
    """Return what a model is asked about a picture that is an audit, or that is none."""
    return next(jpeg for jpeg in (b"picture %d" % number for number in range(1000)) if is_audit(jpeg) is audit)


def verdict(category: Category = Category.PETS, confidence: float = 0.95) -> ModelReply:
    return make_reply(make_classification(category, confidence), LOCAL_MODEL)


def counted(network: Step) -> ModelClient:
    """Return a network as it is built into the stack."""
    return CountedModel(FakeModel([network], adds_calls=False), LOCAL_PROVIDER, LOCAL_MODEL, "network-1", Metrics())


def looks(question: Question) -> list[str]:
    """Return what came of the looks of the network, as it would be recorded."""
    return [call.outcome for call in question.calls if call.provider == LOCAL_PROVIDER]


class TestFirst:
    """`LOCAL_FIRST=0.9`."""

    def model(self, network: Step, model: Step | None = None) -> tuple[LocalFirstModel, FakeModel]:
        asked = FakeModel([model or make_reply()])
        return LocalFirstModel(asked, counted(network), 0.9, Metrics()), asked

    @pytest.mark.parametrize("confidence", [0.9, 1.0])
    async def test_what_the_network_is_sure_of_costs_nothing(self, confidence: float) -> None:
        first, asked = self.model(verdict(confidence=confidence))
        question = make_question(jpeg=jpeg_of(audit=False))

        reply = await first.ask(question)

        assert reply == verdict(confidence=confidence)
        assert asked.calls == 0
        assert looks(question) == ["sure"]

    @pytest.mark.parametrize(
        "unsure", [verdict(confidence=0.8999), verdict(Category.OTHER, 1.0), verdict(Category.OTHER, 0.9)]
    )
    async def test_what_it_is_not_sure_of_and_what_it_calls_other_is_asked(self, unsure: ModelReply) -> None:
        first, asked = self.model(unsure)
        question = make_question(jpeg=jpeg_of(audit=True))

        assert (await first.ask(question)).model_used == "gpt-6-luna"

        assert asked.calls == 1
        assert looks(question) == ["unsure"]
        assert first.metrics.network_looks.tallies[("unsure",)] == 1

    @pytest.mark.parametrize(
        ("category", "outcome"),
        [(Category.PETS, "agreed"), (Category.FOODS, "disagreed"), (Category.OTHER, "disagreed")],
    )
    async def test_of_an_audit_the_models_answer_counts_and_is_compared(self, category: Category, outcome: str) -> None:
        answer = make_reply(make_classification(category, 0.6))
        first, _ = self.model(verdict(Category.PETS), answer)
        question = make_question(jpeg=jpeg_of(audit=True))

        assert await first.ask(question) == answer

        assert looks(question) == [outcome]
        assert len(question.calls) == 2

    @pytest.mark.parametrize("kind", [ModelUnavailable, ModelTimeout, ModelRefused, ModelBadAnswer])
    async def test_an_audit_that_no_model_answers_is_answered_as_any_other_photo(self, kind: type[ModelError]) -> None:
        first, _ = self.model(verdict(), failing(kind))
        question = make_question(jpeg=jpeg_of(audit=True))

        assert await first.ask(question) == verdict()

        assert looks(question) == ["sure"]

    @pytest.mark.parametrize("kind", [ModelOverloaded, ModelUnavailable])
    async def test_a_network_that_cannot_look_keeps_nobody_from_the_model(self, kind: type[ModelError]) -> None:
        first, asked = self.model(failing(kind))

        question = make_question()
        assert (await first.ask(question)).model_used == "gpt-6-luna"

        assert asked.calls == 1
        assert looks(question) == ([] if kind is ModelOverloaded else ["unavailable"])

    async def test_the_failure_of_the_model_is_that_of_the_question(self) -> None:
        first, _ = self.model(verdict(confidence=0.5), failing(ModelRefused))

        question = make_question()
        with pytest.raises(ModelRefused):
            await first.ask(question)

        assert looks(question) == []  # it comes again, and is one photo all the same

    async def test_the_network_leaves_the_model_most_of_the_time(self) -> None:
        network = FakeModel([failing(ModelUnavailable)])
        asked = FakeModel([make_reply()])
        question = make_question(seconds=8)

        await LocalFirstModel(asked, network, 0.9, Metrics()).ask(question)

        assert asked.questions[0].deadline == question.deadline
        assert question.deadline.at - network.questions[0].deadline.at == pytest.approx(6, abs=0.2)

    def test_one_picture_in_fifty_is_an_audit(self) -> None:
        audits = sum(is_audit(b"%d" % number) for number in range(20_000))

        assert audits / 20_000 == pytest.approx(1 / AUDIT_EVERY, rel=0.2)


class TestFallback:
    """`LOCAL_FALLBACK=unavailable`."""

    def model(self, model: Step, network: Step) -> LocalFallbackModel:
        return LocalFallbackModel(FakeModel([model]), counted(network), Metrics())

    @pytest.mark.parametrize(
        "kind", [ModelUnavailable, ModelMisconfigured, ModelDenied, ModelCircuitOpen, ModelTimeout, ModelOverloaded]
    )
    async def test_while_models_are_away_the_network_answers_and_says_so(self, kind: type[ModelError]) -> None:
        question = make_question()

        fallback = self.model(failing(kind), verdict(confidence=0.3))
        reply = await fallback.ask(question)

        assert reply.degraded
        assert (reply.model_used, reply.classification.confidence) == (LOCAL_MODEL, 0.3)
        assert looks(question) == ["degraded"]
        assert fallback.metrics.network_looks.tallies[("degraded",)] == 1
        assert len(question.calls) == 2  # what the failed question cost is not forgotten

    async def test_a_models_answer_is_not_degraded(self) -> None:
        question = make_question()

        assert await self.model(make_reply(), verdict()).ask(question) == make_reply()
        assert looks(question) == []

    @pytest.mark.parametrize("kind", [ModelRefused, ModelBadAnswer, ModelRejectedRequest])
    async def test_a_model_that_dislikes_the_picture_is_not_away(self, kind: type[ModelError]) -> None:
        with pytest.raises(kind):
            await self.model(failing(kind), verdict()).ask(make_question())

    async def test_where_the_network_fails_too_the_models_failure_is_told(self) -> None:
        question = make_question()
        with pytest.raises(ModelTimeout):
            await self.model(failing(ModelTimeout), failing(ModelUnavailable)).ask(question)

        assert looks(question) == ["unavailable"]

    @pytest.mark.parametrize(("seconds", "reserved"), [(0.5, 0.25), (1, 0.5), (4, 1), (10, 1), (30, 3)])
    async def test_the_models_leave_the_network_time_to_look(self, seconds: float, reserved: float) -> None:
        model = FakeModel([failing(ModelTimeout)])
        question = make_question(seconds)

        await LocalFallbackModel(model, counted(verdict()), Metrics()).ask(question)

        assert question.deadline.at - model.questions[0].deadline.at == pytest.approx(reserved, rel=0.1)
