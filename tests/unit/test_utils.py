"""Hashes, ids, times."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database import from_sql_time, to_sql_time
from app.utils.clock import isoformat_utc
from app.utils.hash_utils import is_image_hash, question_name, sha256_hex
from app.utils.id_generator import generate_request_id, generate_request_ids, is_request_id, request_ids


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (b"a" * 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ],
    ids=["empty", "one block", "two blocks", "a million"],
)
def test_the_key_of_an_image_is_the_sha256_of_its_bytes(data: bytes, digest: str) -> None:
    """NIST's examples, FIPS 180-2 and its validation suite."""
    assert sha256_hex(data) == digest


@given(st.binary())
def test_the_key_of_any_image_is_an_image_hash_in_either_case(data: bytes) -> None:
    assert is_image_hash(sha256_hex(data))
    assert is_image_hash(sha256_hex(data).upper())


@given(st.binary())
def test_a_question_is_named_by_its_bytes_and_never_like_an_image(jpeg: bytes) -> None:
    assert question_name(jpeg) == "q1:" + sha256_hex(jpeg)
    assert question_name(jpeg) != question_name(jpeg + b"\0")
    assert not is_image_hash(question_name(jpeg))


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "g" * 64, "a" * 64 + "\n", "а" * 64, "٣" * 64])
def test_what_is_not_64_hexadecimal_characters_is_no_image_hash(text: str) -> None:
    assert not is_image_hash(text)


def test_request_ids_have_their_form_and_differ() -> None:
    ids = {
        *(generate_request_id() for _ in range(1000)),
        *generate_request_ids(1000),
        *islice(request_ids(), 1000),
    }

    assert len(ids) == 3000
    assert all(is_request_id(identifier) for identifier in ids)


@pytest.mark.parametrize(
    "text", ["", "req_1", "req_1_A3F5D8C2B1E9", "req_1_a3f5d8c2b1e9 ", "x' OR 1=1", "req_١_a3f5d8c2b1e9"]
)
def test_what_this_service_never_gave_out_is_no_request_id(text: str) -> None:
    assert not is_request_id(text)


def test_times_are_written_in_utc_without_fractions() -> None:
    moment = datetime(2025, 10, 10, 20, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=8)))

    assert isoformat_utc(moment) == "2025-10-10T12:00:00Z"
    assert to_sql_time(moment) == "2025-10-10 12:00:00"


@pytest.mark.parametrize("stored", ["2025-10-10 12:00:00", datetime(2025, 10, 10, 12)])
def test_times_are_read_as_utc_from_both_databases(stored: datetime | str) -> None:
    assert from_sql_time(stored) == datetime(2025, 10, 10, 12, tzinfo=UTC)
