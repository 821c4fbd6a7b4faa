"""Answers that are put together by hand are the ones that are documented, byte by byte."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.http.photo_answers import hit_body, hit_fields
from app.models.domain import Category, Classification, KnownAnswer, OwnAnswer
from app.models.identity import MatchedBy
from app.models.own_response import OwnCheckCacheHit
from app.models.response import CheckCacheHit
from tests.factories import make_image_hash

REQUEST_ID = "req_1696934400_a3f5d8c2b1e9"


def documented(known: KnownAnswer, sent: bytes) -> bytes:
    """Return what the documented model makes of this answer, at the moment of the one that was sent."""
    model: type[CheckCacheHit] = OwnCheckCacheHit if isinstance(known, OwnAnswer) else CheckCacheHit
    fields: dict[str, Any] = hit_fields(known, REQUEST_ID)
    fields["timestamp"] = datetime.fromisoformat(json.loads(sent)["timestamp"])
    return model(**fields).model_dump_json().encode()


def assert_as_documented(known: KnownAnswer) -> None:
    sent = hit_body(known, REQUEST_ID)
    assert sent == documented(known, sent)


@pytest.mark.parametrize("kind", [KnownAnswer, OwnAnswer])
@pytest.mark.parametrize("matched_by", MatchedBy)
@pytest.mark.parametrize("category", Category)
def test_a_hit_is_sent_as_it_is_documented(kind: type[KnownAnswer], matched_by: MatchedBy, category: Category) -> None:
    assert_as_documented(kind(Classification(category, 0.95, "一只猫"), make_image_hash(), matched_by, None))


@given(st.none() | st.text(st.characters(exclude_categories=["Cs"])) | st.text('"\\/\b\t\n\f\r\x00\x1f\x7f\u2028é😀'))
def test_whatever_a_description_says_it_is_sent_as_it_is_documented(description: str | None) -> None:
    assert_as_documented(
        KnownAnswer(Classification(Category.OTHER, 1, description), make_image_hash(), MatchedBy.BYTES, None)
    )


def test_each_confidence_of_four_decimals_is_sent_as_it_is_documented() -> None:
    for number in range(10_001):
        assert_as_documented(
            KnownAnswer(Classification(Category.OTHER, number / 10_000, None), make_image_hash(), MatchedBy.BYTES, 1)
        )
