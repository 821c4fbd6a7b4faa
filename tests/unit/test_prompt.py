"""The question and the strict reading of the answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.domain import Category
from app.services.model.errors import ModelBadAnswer, ModelRefused
from app.services.model.prompt import ANSWER_SCHEMA, MAX_DESCRIPTION_CHARACTERS, build_prompt, parse_answer


def answer(**changes: object) -> str:
    return json.dumps({"category": "pets", "confidence": 0.9, "description": "一只猫", **changes})


def test_a_good_answer_is_read_whole() -> None:
    classification = parse_answer(answer())

    assert classification.category is Category.PETS
    assert classification.confidence == 0.9
    assert classification.description == "一只猫"


@pytest.mark.parametrize("category", ["cats", "", None, 1, ["pets"], {"pets": 1}])
def test_a_category_outside_the_eight_is_a_bad_answer(category: object) -> None:
    with pytest.raises(ModelBadAnswer):
        parse_answer(answer(category=category))


@pytest.mark.parametrize(
    ("spelling", "category"),
    [
        ("Pets", Category.PETS),
        ("宠物萌照", Category.PETS),
        ("Pet Photos", Category.PETS),
        ("ID Card", Category.IDCARD),
        ("id_card", Category.IDCARD),
        ("travel scenery", Category.TRAVEL_SCENERY),
        ("Travel-Scenery\n", Category.TRAVEL_SCENERY),
        ("其它", Category.OTHER),
    ],
)
def test_another_spelling_of_one_of_the_eight_is_that_one(spelling: str, category: Category) -> None:
    assert parse_answer(answer(category=spelling)).category is category


@pytest.mark.parametrize(("confidence", "kept"), [(-0.01, 0), (1.01, 1), (95, 1), (float("inf"), 1), (10**400, 1)])
def test_a_confidence_outside_0_to_1_is_moved_to_the_nearer_end(confidence: float, kept: float) -> None:
    assert parse_answer(answer(confidence=confidence)).confidence == kept


@pytest.mark.parametrize("confidence", [None, "0.9", True, float("nan"), [0.9]])
def test_a_confidence_that_is_not_there_is_not_made_up(confidence: object) -> None:
    with pytest.raises(ModelBadAnswer):
        parse_answer(answer(confidence=confidence))


@pytest.mark.parametrize(
    "text", ["", "pets", "[]", "null", '{"category": "pets"', "[" * 100_000, '{"category": "pets"}']
)
def test_what_is_not_the_asked_for_json_is_a_bad_answer(text: str) -> None:
    with pytest.raises(ModelBadAnswer):
        parse_answer(text)


def test_a_confidence_is_kept_with_the_four_decimals_that_the_database_has() -> None:
    assert parse_answer(answer(confidence=0.123456)).confidence == 0.1235


@pytest.mark.parametrize(
    "around",
    ["```json\n{}\n```", "Sure! Here it is:\n{}", "{}\nIs that {all} right?", "<think>{x}</think> {}", '{} {"a": 1}'],
)
def test_talk_around_the_json_is_no_harm(around: str) -> None:
    assert parse_answer(around.replace("{}", answer(), 1)).category is Category.PETS


@pytest.mark.parametrize("description", [None, "", "  \n ", 7])
def test_a_description_that_says_nothing_is_none(description: object) -> None:
    assert parse_answer(answer(description=description)).description is None


def test_a_description_loses_control_characters_surrogates_and_direction_marks() -> None:
    assert parse_answer(answer(description="a\x00b\x1b[31m\ud800c\u202ed\r\ne")).description == "a b [31m c d e"


@pytest.mark.parametrize("text", ["می\u200cخواهم", "\U0001f468\u200d\U0001f469\u200d\U0001f467 at home"])
def test_a_description_keeps_what_holds_words_and_emoji_together(text: str) -> None:
    assert parse_answer(answer(description=text)).description == text


def test_a_long_description_is_cut() -> None:
    description = parse_answer(answer(description="猫" * 1000)).description

    assert description == "猫" * MAX_DESCRIPTION_CHARACTERS


@given(st.text())
def test_any_text_is_an_answer_a_refusal_or_a_bad_answer_and_nothing_else(text: str) -> None:
    try:
        parse_answer(text)
    except (ModelBadAnswer, ModelRefused):
        return
    assert "{" in text


def test_the_prompt_and_the_schema_name_all_eight_categories() -> None:
    prompt = build_prompt("Chinese")
    schema = json.dumps(ANSWER_SCHEMA)

    assert all(f"- {category}:" in prompt and f'"{category}"' in schema for category in Category)


def test_the_prompt_asks_for_the_language_that_was_set() -> None:
    assert "in Portuguese" in build_prompt("Portuguese")


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "I can’t help identify people in images.",
        "I am unable to process identity documents.",
        "Sorry, I cannot provide a classification of this picture.",
        "抱歉，我无法协助处理该图片。",
    ],
)
def test_a_sentence_that_declines_is_a_refusal(text: str) -> None:
    with pytest.raises(ModelRefused):
        parse_answer(text)


@pytest.mark.parametrize("text", ["I think it is a cat.", "", "A dog that can run fast", "图中是一只猫"])
def test_a_sentence_that_says_something_else_is_a_bad_answer(text: str) -> None:
    with pytest.raises(ModelBadAnswer):
        parse_answer(text)


def test_a_description_that_sounds_like_a_refusal_is_a_description() -> None:
    assert parse_answer(answer(description="A sign: we cannot help you")).category is Category.PETS
