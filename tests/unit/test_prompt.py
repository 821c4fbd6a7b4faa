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


@pytest.mark.parametrize(
    ("spelling", "category"),
    [
        ("food", Category.FOODS),
        ("pet", Category.PETS),
        ("screenshots", Category.SCREENSHOT),
        ("single persons", Category.SINGLE_PERSON),
        ("social activity", Category.SOCIAL_ACTIVITIES),
        ("ID cards", Category.IDCARD),
        ("其他", Category.OTHER),
    ],
)
def test_singular_and_plural_are_one_name(spelling: str, category: Category) -> None:
    assert parse_answer(answer(category=spelling)).category is category


@pytest.mark.parametrize(
    ("confidence", "kept"),
    [(0, 0), (1, 1), (92, 0.92), (2, 0.02), (100, 1), ("0.92", 0.92), ("92%", 0.92), ("1 %", 0.01)],
)
def test_a_confidence_is_read_as_a_share_as_per_cent_and_in_quotes(confidence: object, kept: float) -> None:
    assert parse_answer(answer(confidence=confidence)).confidence == kept


@pytest.mark.parametrize("confidence", [-0.01, 1.01, 100.5, float("inf"), 10**400, "1.5", "120%"])
def test_a_confidence_that_is_neither_a_share_nor_per_cent_is_a_bad_answer(confidence: object) -> None:
    with pytest.raises(ModelBadAnswer):
        parse_answer(answer(confidence=confidence))


@pytest.mark.parametrize("confidence", [None, "", "high", "0,9", True, float("nan"), "nan", [0.9]])
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
    [
        "```json\n{}\n```",
        "Sure! Here it is:\n{}",
        "{}\nIs that {all} right?",
        "<think>{x}</think> {}",
        '{} {"a": 1}',
        '{"result": {}}',
        "[{}]",
        "{}\nTo repeat it: {}",
    ],
)
def test_talk_around_the_json_is_no_harm(around: str) -> None:
    assert parse_answer(around.replace("{}", answer())).category is Category.PETS


DRAFT = answer(category="pets", confidence=0.3, description="draft")
FINAL = answer(category="foods", confidence=0.92, description="一盘意大利面")


@pytest.mark.parametrize(
    "text",
    [
        f"<think>It could be {DRAFT} but no.</think>{FINAL}",
        f"It could be {DRAFT} but no. </think>\n{FINAL}",  # the template opened the tag
        f"<think>{DRAFT}</think>No: <think>hm {DRAFT}</think>```json\n{FINAL}\n```",
        f"<THINKING>{DRAFT}</THINKING>{FINAL}",
        f"◁think▷{DRAFT}◁/think▷{FINAL}",
        f'Fill in {{"category": "one of the eight", "confidence": 0.5}}: {FINAL}',
        FINAL.replace("0.92", "92"),
        FINAL.replace("0.92", '"0.92"'),
        FINAL.replace("0.92", '"92%"'),
        FINAL.replace("foods", "food"),
        f"{FINAL[:-1]},}}",
        f"Here: [{FINAL[:-1]} , }},]",
    ],
)
def test_the_final_answer_is_read_whatever_was_thought_or_written_before_it(text: str) -> None:
    assert parse_answer(text) == parse_answer(FINAL)


@pytest.mark.parametrize(
    "text",
    [
        f"The format is {DRAFT}. My answer: {FINAL}",
        f"{DRAFT} Wait, looking again: {FINAL}",
        f"[{DRAFT}, {FINAL}]",
        f"{DRAFT} Wait, looking again: {FINAL[:-20]}",  # the end of it is missing
        f"{DRAFT} Wait, looking again: {{'category': 'foods', 'confidence': 0.92}}",
        f"{FINAL} But then: <think>hm",
        f"<think>{FINAL}",
        f"{'{' * 100}{FINAL}",
    ],
)
def test_talk_that_does_not_say_which_answer_is_meant_is_a_bad_answer(text: str) -> None:
    with pytest.raises(ModelBadAnswer):
        parse_answer(text)


def test_a_refusal_after_thinking_is_a_refusal_whatever_was_thought() -> None:
    with pytest.raises(ModelRefused):
        parse_answer("<think>{hmm}</think>I'm sorry, but I can't help with that.")


def test_a_refusal_that_was_only_thought_of_is_none() -> None:
    assert parse_answer(f"<think>I can't help with that. Or can I?</think>{FINAL}").category is Category.FOODS


def test_a_tag_that_a_description_quotes_is_no_end_of_thinking() -> None:
    assert parse_answer(answer(description="a sign: </think>")).description == "a sign: </think>"


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


@pytest.mark.parametrize("text", ["[" * 1_000_000, answer(description="猫" * 100_000), f"{answer()}{' ' * 100_000}"])
def test_a_text_that_no_token_limit_allows_is_a_bad_answer(text: str) -> None:
    with pytest.raises(ModelBadAnswer):
        parse_answer(text)


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
