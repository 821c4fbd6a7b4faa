"""What the client sends is what the service's documents ask for, and no more than that."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from photo_classifier.core.reading import read_retry_after, read_upload
from photo_classifier.core.wire import Response, upload_request
from photo_classifier.errors import UnexpectedAnswer
from photo_classifier.options import Options

OPTIONS = Options("http://127.0.0.1:8000", api_key="a-key", user_id="device-42")


@pytest.mark.parametrize(
    "url",
    [
        "https://photos.example",
        "https://photos.example/",
        "https://photos.example/api/v1",
        "https://photos.example/api/v1/",
    ],
)
def test_the_address_may_be_given_with_or_without_the_path_of_the_interface(url: str) -> None:
    assert Options(url).base_url == "https://photos.example/api/v1"


@pytest.mark.parametrize("url", ["photos.example", "ftp://photos.example", "https://", ""])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="url must begin with"):
        Options(url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": "a b"},
        {"user_id": ""},
        {"api_key": "line\nbreak"},
        {"api_key": ""},
        {"api_key": "a-key", "token": lambda: "a.users.token"},
    ],
)
def test_names_and_keys_that_no_header_can_carry_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Options("http://127.0.0.1:8000", **wrong)


def test_a_key_does_not_show_in_what_is_printed_of_the_options() -> None:
    assert "a-key" not in repr(OPTIONS)


def test_an_upload_names_user_and_key_and_asks_for_its_lane() -> None:
    request = upload_request(OPTIONS, b"photo", "0" * 64, "deferred")

    assert request.headers["x-user-id"] == "device-42"
    assert request.headers["x-api-key"] == "a-key"
    assert parse_qs(urlsplit(request.url).query) == {"lane": ["deferred"]}


def test_each_request_shows_the_users_token_as_it_is_then() -> None:
    tokens = iter(["first.token.x", "second.token.x"])
    options = Options("http://127.0.0.1:8000", token=lambda: next(tokens))

    shown = [upload_request(options, b"photo", "0" * 64).headers["authorization"] for _ in range(2)]

    assert shown == ["Bearer first.token.x", "Bearer second.token.x"]


@pytest.mark.parametrize(("header", "seconds"), [("3", 3), ("0", 0), ("", None), ("soon", None), ("-1", None)])
def test_retry_after_is_read_where_it_is_a_number(header: str, seconds: float | None) -> None:
    assert read_retry_after({"retry-after": header}) == seconds


def test_retry_after_is_read_where_it_is_a_date() -> None:
    assert read_retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    far = read_retry_after({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"})
    assert far is not None
    assert far > 1_000_000


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
def test_what_is_no_json_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        Response(200, {}, body).json()


@pytest.mark.parametrize("category", ["../../.ssh", "/etc", "a\x1b[2J", "", "x" * 65, "pets\n", None, 7])
def test_a_category_that_no_folder_should_be_called_is_no_answer(category: object) -> None:
    """Photos are moved into folders of these names: whoever stands at that address must not choose where to."""
    data = {"category": category, "confidence": 0.9, "description": None}
    body = json.dumps({"success": True, "data": data, "from_cache": False}).encode()

    with pytest.raises(UnexpectedAnswer):
        read_upload(Response(200, {}, body), 1)
