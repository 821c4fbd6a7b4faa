"""Every way to fail has one shape, the right code, and the request's id in header and body."""

import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from tests.api.calls import upload
from tests.conftest import make_client
from tests.factories import error_codes, make_image, make_image_hash
from tests.support.fake_model_server import Behaviour, FakeModels

REQUEST_ID = re.compile(r"req_\d{10}_[0-9a-f]{12}")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def assert_error(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    body = response.json()
    assert list(body) == ["success", "error", "request_id", "timestamp"]
    assert body["success"] is False
    assert list(body["error"]) == ["code", "message"]
    assert body["error"]["code"] == code
    assert REQUEST_ID.fullmatch(body["request_id"])
    assert response.headers["x-request-id"] == body["request_id"]
    assert TIMESTAMP.fullmatch(body["timestamp"])
    assert ("retry-after" in response.headers) == (status in (429, 503))


def multipart(*parts: tuple[str, bytes], end: bool = True) -> dict[str, Any]:
    """Return the arguments of a post with a hand-made multipart body: (part headers, content) each."""
    body = b"".join(b"--B\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return {
        "content": body + (b"--B--\r\n" if end else b""),
        "headers": {"content-type": "multipart/form-data; boundary=B"},
    }


FILE = 'content-disposition: form-data; name="image"; filename="a.jpg"'
HASH = 'content-disposition: form-data; name="image_hash"'
JPEG = make_image()


@pytest.mark.parametrize(
    ("post", "code"),
    [
        ({}, "missing_image"),
        ({"json": {"image": "x"}}, "missing_image"),
        ({"data": {"image": "x"}}, "missing_image"),
        ({"content": JPEG, "headers": {"content-type": "image/jpeg"}}, "missing_image"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, "invalid_request"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=B"}}, "invalid_request"),
        (
            {**multipart((FILE, JPEG)), "headers": {"content-type": "multipart/form-data; boundary=C"}},
            "invalid_request",
        ),
        (multipart(('content-disposition: form-data; name="photo"', JPEG[:500])), "missing_image"),
        (multipart(('content-disposition: form-data; name="other"; filename="a"', JPEG)), "missing_image"),
        (multipart(("content-disposition: form-data", JPEG[:500])), "invalid_request"),
        (multipart((FILE, JPEG), end=False), "invalid_request"),
        (multipart((FILE, b"")), "missing_image"),
        (multipart((FILE, JPEG), (FILE, JPEG)), "invalid_request"),
        (multipart((FILE, JPEG), (HASH, b"a" * 2000)), "invalid_request"),
        (multipart((FILE, JPEG), *[(HASH, b"")] * 5), "invalid_request"),
        (multipart((FILE + "\r\nx: y" * 20, JPEG)), "invalid_request"),
        (multipart((FILE, JPEG), (HASH, b"abc")), "invalid_image_hash"),
        (multipart((FILE, JPEG), (HASH, b"\xff" * 64)), "invalid_image_hash"),
        (multipart((FILE, JPEG), (HASH, b"0" * 64)), "hash_mismatch"),
        (multipart((FILE, b"not an image")), "unsupported_format"),
        (multipart((FILE, make_image("BMP"))), "unsupported_format"),
        (multipart((FILE, JPEG[: len(JPEG) // 2])), "invalid_image"),
    ],
)
async def test_a_wrong_upload_is_400_and_says_what_is_wrong(
    post: dict[str, Any], code: str, client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    assert_error(await client.post("/classify", **post), 400, code)
    assert fake_models.calls == []


PADDED = b"\r\n".join([b"preamble --", b"--B", FILE.encode(), b"", JPEG, b"--B--", b"epilogue"])


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (multipart((FILE, JPEG)), "; boundary=", "Content-Type has no boundary: let the HTTP library set it."),
        (multipart((FILE, JPEG)), "; boundary=C", "body: the boundary that Content-Type names begins no part of it."),
        (multipart(*[(f'{FILE}; name="{n}"', b"") for n in range(6)]), None, "body: has more than 5 parts."),
        (multipart((FILE, JPEG), (HASH, b""), (HASH, b"")), None, "body: two parts have the same name."),
        (
            multipart((FILE, JPEG), (HASH, b"a" * 1025)),
            None,
            "body: a part other than 'image' is longer than 1024 bytes.",
        ),
        (multipart(("content-disposition: form-data", JPEG)), None, "body: a part has no name."),
        (
            multipart((FILE + "\r\ncontent-transfer-encoding: base64", JPEG)),
            None,
            "body: a part has a Content-Transfer-Encoding, which forms do not have (RFC 7578).",
        ),
        (
            multipart((FILE, JPEG), end=False),
            None,
            "body: ends within a part: it was cut off, or the last boundary is missing.",
        ),
        (multipart(("no colon", JPEG)), None, "body: is not well-formed multipart/form-data."),
    ],
)
async def test_each_thing_that_can_be_wrong_with_a_form_has_a_message_of_its_own(
    body: dict[str, Any], content_type: str | None, message: str, client: httpx.AsyncClient
) -> None:
    if content_type is not None:
        body["headers"] = {"content-type": f"multipart/form-data{content_type}"}

    response = await client.post("/classify", **body)

    assert_error(response, 400, "invalid_request")
    assert response.json()["error"]["message"] == message


async def test_what_stands_before_and_after_the_parts_of_a_form_is_ignored(client: httpx.AsyncClient) -> None:
    headers = {"content-type": 'Multipart/Form-Data; charset=utf-8; Boundary="B"'}

    assert (await client.post("/classify", content=PADDED, headers=headers)).status_code == 200


async def test_what_a_question_holds_beside_the_documented_is_ignored(client: httpx.AsyncClient) -> None:
    body = {"image_hash": make_image_hash(), "MARKER": 1}

    response = await client.post("/classify/check-cache", json=body)

    assert (response.status_code, response.json()["cached"]) == (200, False)


@pytest.mark.parametrize(
    "filename",
    [
        "",
        '; filename=""',
        '; filename="\xff.jpg"',
        '; filename="../../x"',
        "; filename*=UTF-8''%E7%8C%AB.jpg",
        "; filename*0=a; filename*1=.jpg",
    ],
)
async def test_the_part_named_image_is_the_file_whatever_else_it_says(filename: str, client: httpx.AsyncClient) -> None:
    head = f'content-disposition: form-data; name="image"{filename}'

    response = await client.post("/classify", **multipart((head, make_image())))

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid_request"),
        ("{", "invalid_request"),
        ("[]", "invalid_request"),
        ("null", "invalid_request"),
        ('"x"', "invalid_request"),
        ("{}", "invalid_request"),
        ('{"image_hash": null}', "invalid_image_hash"),
        ('{"image_hash": NaN}', "invalid_image_hash"),
        ('{"image_hash": "\\ud800"}', "invalid_request"),
        ('{"image_hash": 7}', "invalid_image_hash"),
        ('{"image_hash": "abc"}', "invalid_image_hash"),
        (json.dumps({"image_hash": "g" * 64}), "invalid_image_hash"),
        (json.dumps({"image_hash": "a" * 64 + "\n"}), "invalid_image_hash"),
        (json.dumps({"image_hash": "a" * 64, "user_id": ""}), "invalid_user_id"),
        (json.dumps({"image_hash": "a" * 64, "user_id": "x" * 65}), "invalid_user_id"),
        (json.dumps({"image_hash": "a" * 64, "user_id": "José"}), "invalid_user_id"),
        (json.dumps({"image_hash": "a" * 64, "user_id": 7}), "invalid_user_id"),
        ('{"image_hash": ' + "[" * 1000, "invalid_request"),
        ('{"image_hash": ' + "9" * 1900 + "}", "invalid_image_hash"),
        (json.dumps({"image_hash": "a" * 64}).encode("utf-16"), "invalid_request"),
        (b'{"image_hash": "\xff"}', "invalid_request"),
    ],
)
async def test_a_wrong_question_is_400_and_says_what_is_wrong(
    body: str | bytes, code: str, client: httpx.AsyncClient
) -> None:
    response = await client.post("/classify/check-cache", content=body, headers={"content-type": "application/json"})

    assert_error(response, 400, code)


async def test_an_error_never_repeats_what_was_sent(client: httpx.AsyncClient) -> None:
    for body in ({"image_hash": "MARKER"}, {"image_hash": "a" * 64, "user_id": "MARKER!"}):
        response = await client.post("/classify/check-cache", json=body)
        assert "MARKER" not in response.text
    response = await client.get("/stats/users/top?limit=MARKER")
    assert "MARKER" not in response.text


@pytest.mark.parametrize("user", ["", " ", "x" * 65, "a b", "José".encode(), "a/b", "<script>", b"\xff"])
async def test_a_wrong_user_id_is_400_on_every_call_that_takes_one(
    user: str | bytes, client: httpx.AsyncClient
) -> None:
    headers: Any = {"X-User-ID": user}
    calls = [
        client.post("/classify/check-cache", json={"image_hash": make_image_hash()}, headers=headers),
        client.post("/classify", files={"image": make_image()}, headers=headers),
        client.get("/requests/req_1_a3f5d8c2b1e9", headers=headers),
    ]

    for call in calls:
        assert_error(await call, 400, "invalid_user_id")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "", "9" * 5000, "1e3"])
@pytest.mark.parametrize("path", ["/stats/users/top", "/stats/images/top"])
async def test_a_wrong_limit_is_400(path: str, limit: str, client: httpx.AsyncClient) -> None:
    assert_error(await client.get(path, params={"limit": limit}), 400, "invalid_request")


@pytest.mark.parametrize("days", ["0", "3651", "-1", "x", "1.5", "", "9" * 5000])
async def test_a_wrong_number_of_days_is_400(days: str, client: httpx.AsyncClient) -> None:
    for path in ("/stats/identity", "/stats/models"):
        assert_error(await client.get(path, params={"days": days}), 400, "invalid_request")


async def test_an_unknown_address_is_404(client: httpx.AsyncClient) -> None:
    for path in ("/nothing", "/classify/", "/../../etc/passwd", "/requests/", "/stats"):
        assert_error(await client.get(path), 404, "not_found")


async def test_a_wrong_method_is_405_and_says_which_is_right(client: httpx.AsyncClient) -> None:
    response = await client.get("/classify")

    assert_error(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


async def test_a_question_of_more_than_2_kb_is_413(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(5):
            yield b"x" * 500

    assert_error(await client.post("/classify/check-cache", content=b"x" * 2049), 413, "request_too_large")
    assert_error(await client.post("/classify/check-cache", content=chunks()), 413, "request_too_large")


async def test_an_upload_over_the_limit_is_413_before_it_is_read(client: httpx.AsyncClient) -> None:
    async def never() -> Any:
        raise AssertionError("a byte of the body was read")
        yield b""

    announced = {"content-type": "multipart/form-data; boundary=B", "content-length": str(11 * 1024 * 1024)}

    assert_error(await client.post("/classify", content=never(), headers=announced), 413, "image_too_large")


async def test_an_upload_that_does_not_announce_its_size_is_413_when_it_passes_the_limit(
    client: httpx.AsyncClient,
) -> None:
    sent = 0

    async def chunks() -> Any:
        nonlocal sent
        yield b"--B\r\n" + FILE.encode() + b"\r\n\r\n"
        for _ in range(1000):
            sent += 1
            yield b"x" * 1024 * 1024

    headers = {"content-type": "multipart/form-data; boundary=B"}

    assert_error(await client.post("/classify", content=chunks(), headers=headers), 413, "image_too_large")
    assert sent <= 11


async def test_an_image_just_over_the_limit_is_413_and_just_under_it_is_not(client: httpx.AsyncClient) -> None:
    limit = 10 * 1024 * 1024
    image = make_image()

    assert_error(await upload(client, image + b"\0" * (limit - len(image) + 1)), 413, "image_too_large")
    assert (await upload(client, image + b"\0" * (limit - len(image)))).status_code == 200


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (Behaviour(finish="refusal", text="no"), 422, "model_refused"),
        (Behaviour(text="no json"), 502, "model_bad_answer"),
        (Behaviour(status=500), 503, "model_unavailable"),
        (Behaviour(status=401), 503, "model_unavailable"),
    ],
)
async def test_what_the_model_fails_at_is_told_apart(
    behaviour: Behaviour, status: int, code: str, client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = behaviour

    assert_error(await upload(client, make_image()), status, code)


async def test_an_unexpected_error_is_500_with_a_request_id_and_without_a_word_about_it(settings: Settings) -> None:
    class FailingHealth:
        async def check(self) -> None:
            raise RuntimeError("MARKER")

    async with open_container(settings) as container:
        broken = replace(container, health=FailingHealth())  # type: ignore[arg-type]
        async with make_client(settings, broken) as client:
            response = await client.get("/health")

    assert_error(response, 500, "internal_error")
    assert "MARKER" not in response.text


def test_no_code_means_two_things() -> None:
    codes = error_codes()

    assert [code for code in codes if codes.count(code) > 1] == []
    assert {"invalid_image_hash", "unauthorized", "model_refused"} <= set(codes)  # of each place that has errors
