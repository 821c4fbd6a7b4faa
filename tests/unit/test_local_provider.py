"""The embedded network as a model: its answers in words, and its failures as a model's."""

import pytest

from app.errors import Overloaded, ServiceError
from app.models.domain import LOCAL_MODEL, Category, Classification
from app.models.verdict import Verdict
from app.services.model.errors import ModelError, ModelOverloaded, ModelUnavailable
from app.services.model.prompt import MAX_DESCRIPTION_CHARACTERS
from app.services.model.providers.local_description import describe
from app.services.model.providers.local_provider import LocalProvider
from app.services.network.errors import NetworkFailed
from tests.fakes import FakeNetwork
from tests.support.fake_model import make_question


def make_verdict(faces: int = 1, looks_like: str | None = "Egyptian cat", group: str | None = "pets") -> Verdict:
    probabilities = {category: 0.0 for category in Category} | {Category.PETS: 0.98765, Category.OTHER: 0.01235}
    return Verdict(Category.PETS, 0.98765, probabilities, faces, looks_like, group)


async def test_the_networks_answer_keeps_its_probability_and_its_name() -> None:
    network = FakeNetwork(make_verdict())

    reply = await LocalProvider(network, "English").ask(make_question(jpeg=b"a picture"))

    assert reply.classification == Classification(Category.PETS, 0.9877, describe(make_verdict(), "English"))
    assert (reply.model_used, reply.usage.input_tokens) == (LOCAL_MODEL, 0)
    assert network.seen == [b"a picture"]


@pytest.mark.parametrize(
    ("failure", "error"), [(Overloaded(detail="full"), ModelOverloaded), (NetworkFailed(detail="x"), ModelUnavailable)]
)
async def test_a_verdict_that_does_not_come_is_a_failure_of_the_model(
    failure: ServiceError, error: type[ModelError]
) -> None:
    with pytest.raises(error) as raised:
        await LocalProvider(FakeNetwork(make_verdict(), failure), "English").ask(make_question())

    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("verdict", "english", "chinese"),
    [
        (make_verdict(), '1 face, something like "Egyptian cat"', "1 张脸，像“Egyptian cat”"),
        (make_verdict(faces=3, looks_like=None), "3 faces, probably a pet", "3 张脸，可能是宠物"),
        (make_verdict(faces=0, looks_like=None, group=None), "no face", "没有脸"),
    ],
)
def test_a_description_says_what_was_seen_and_that_no_model_was_asked(
    verdict: Verdict, english: str, chinese: str
) -> None:
    assert describe(verdict, "English") == f"No model was asked; the embedded network saw {english}."
    assert describe(verdict, "Chinese") == f"未询问模型；内置网络看到：{chinese}。"
    assert len(describe(verdict, "English")) < MAX_DESCRIPTION_CHARACTERS


@pytest.mark.parametrize(
    ("language", "is_chinese"),
    [("Chinese", True), ("simplified chinese", True), ("zh-CN", True), ("中文", True), ("German", False), ("", False)],
)
def test_descriptions_are_chinese_where_that_is_wanted_and_else_english(language: str, is_chinese: bool) -> None:
    assert describe(make_verdict(), language).startswith("未询问模型" if is_chinese else "No model was asked")
