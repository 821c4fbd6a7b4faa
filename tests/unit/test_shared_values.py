"""What is kept in Redis comes back as it was, and what is none of ours is a miss."""

import json

import pytest

from app.models.domain import KnownAnswer
from app.models.identity import MatchedBy
from app.services.cache.known_changes import Stamp
from app.services.cache.shared_values import MAX_BYTES, decode, encode
from tests.factories import make_classification, make_known

NAME = "a" * 64
STAMP = Stamp(7, 12345)


def kept(name: str, known: KnownAnswer) -> bytes:
    value = encode(name, known, STAMP)
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("name", "known"),
    [
        (NAME, make_known(NAME)),
        (NAME, make_known(NAME, classification=make_classification(description=None))),
        (NAME, make_known(NAME, classification=make_classification(description='一座山 "\\\n🏔'))),
        (f"c1:{NAME}", make_known(NAME, matched_by=MatchedBy.CONTENT)),
        ("b" * 64, make_known(NAME, matched_by=MatchedBy.BYTES)),
    ],
)
def test_an_answer_comes_back_as_it_was(name: str, known: KnownAnswer) -> None:
    assert decode(name, kept(name, known)) == (STAMP, known)


def test_an_answer_takes_little_room() -> None:
    assert len(kept(NAME, make_known(NAME, classification=make_classification(description=None)))) < 60


@pytest.mark.parametrize(
    "known",
    [
        make_known(NAME, matched_by=MatchedBy.NEAR),
        make_known(NAME, image_size=None),
        make_known(NAME, classification=make_classification(description="x" * MAX_BYTES)),
    ],
    ids=["near", "without names", "too long"],
)
def test_what_is_near_or_is_still_to_be_named_or_is_too_long_is_not_kept(known: KnownAnswer) -> None:
    assert encode(NAME, known, STAMP) is None


GOOD = [1, 2, "pets", 0.9, None, 1000]


def with_wrong(place: int, value: object) -> list[object]:
    return [*GOOD[:place], value, *GOOD[place + 1 :]]


@pytest.mark.parametrize(
    "row",
    [
        *(with_wrong(place, value) for place, value in enumerate(["1", -1, "dogs", 1.5, 5, "1000"])),
        *(with_wrong(place, value) for place, value in enumerate([True, 1.0, None, True, ["x"], -1])),
        with_wrong(4, "half a character: \ud800"),
        with_wrong(5, 2**32),
        [*GOOD, "near", NAME],
        [*GOOD, "bytes", "not a hash"],
        [*GOOD, "bytes", None],
        [*GOOD, "bytes"],
        GOOD[:5],
        {"number": 1},
        5,
        None,
    ],
    ids=repr,
)
def test_what_is_no_answer_of_ours_is_a_miss(row: object) -> None:
    assert decode(NAME, json.dumps(row).encode()) is None


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff\xfe", b"{", b"[" * 5000, b'[1,2,"pets",NaN,null,1000]', b'[1,2,"pets",1e999,null,1000]', b" " * 9000],
)
def test_damaged_bytes_are_a_miss(value: bytes) -> None:
    assert decode(NAME, value) is None
