"""What an app does, from outside: HTTPS, through the proxy, to the model and the database."""

import asyncio
import re
import ssl

import httpx
import pytest

from tests.api.calls import check_cache, classify, upload
from tests.e2e.stack import Stack
from tests.factories import make_image

UPLOADS = 24


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
def http2(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "HTTP/2")


def assert_is_our_error(response: httpx.Response, status: int, code: str) -> None:
    body = response.json()
    assert response.status_code == status
    assert set(body) == {"success", "error", "request_id", "timestamp"}
    assert (body["success"], body["error"]["code"]) == (False, code)
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert re.fullmatch(r"req_\d{10}_[0-9a-f]{12}", body["request_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timestamp"])


async def test_a_photo_is_asked_for_uploaded_and_known_from_then_on(
    http2: bool, stack: Stack, model: httpx.AsyncClient
) -> None:
    image = make_image()
    user = f"flow-{'h2' if http2 else 'h1'}"
    async with stack.client(http2=http2) as client:
        missed = await check_cache(client, image, user)
        uploaded = await classify(client, image, user)
        found = await check_cache(client, image, user)
        record = await client.get(f"/requests/{uploaded['request_id']}", headers={"X-User-ID": user})
        today = await client.get("/stats/today", headers=stack.operator)

    assert missed["cached"] is False
    assert uploaded["from_cache"] is False
    assert (found["cached"], found["data"]) == (True, uploaded["data"])
    assert record.json()["data"]["category"] == uploaded["data"]["category"]
    assert record.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert today.json()["data"]["total_requests"] >= 2
    assert (await model.get("/calls")).json() == 1


async def test_statistics_and_metrics_are_for_operators(stack: Stack) -> None:
    async with stack.client() as client:
        for url in (f"{stack.url}/api/v1/stats/today", f"{stack.url}/metrics"):
            assert_is_our_error(await client.get(url), 401, "unauthorized")
            assert_is_our_error(await client.get(url, headers={"X-API-Key": "0" * 64}), 401, "unauthorized")
            assert (await client.get(url, headers=stack.operator)).status_code == 200


async def test_a_large_photo_is_accepted(http2: bool, stack: Stack) -> None:
    image = make_image() + bytes(2 * 1024 * 1024)

    async with stack.client(http2=http2) as client:
        answer = await classify(client, image)

    assert answer["success"] is True


async def test_a_photo_that_is_too_large_is_refused_in_the_one_error_shape(stack: Stack) -> None:
    image = make_image() + bytes(11 * 1024 * 1024)

    async with stack.client() as client:
        assert_is_our_error(await upload(client, image), 413, "image_too_large")
        response = await client.post("/classify/check-cache", content=image)
        assert_is_our_error(response, 413, "request_too_large")


async def test_over_http_2_too_it_is_refused_before_it_is_sent(stack: Stack) -> None:
    announced = {"Content-Length": str(11 * 1024 * 1024)}

    async with stack.client(http2=True) as client:
        assert_is_our_error(await client.post("/classify", headers=announced, content=b"x"), 413, "image_too_large")


async def test_the_proxys_other_refusals_have_the_one_error_shape_too(stack: Stack) -> None:
    async with stack.client() as client:
        assert_is_our_error(await client.request("TRACE", "/health"), 405, "method_not_allowed")
        assert_is_our_error(await client.get("/health", headers={"X": "x" * 40_000}), 431, "headers_too_large")
        plain = await client.get(f"{stack.url}/api/v1/health".replace("https://", "http://"))
        assert_is_our_error(plain, 400, "invalid_request")


async def test_what_a_client_says_about_its_address_is_not_believed(stack: Stack) -> None:
    spoofed = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}

    async with stack.client(headers=spoofed) as client:
        request_id = (await classify(client, make_image()))["request_id"]

    ((address,),) = stack.query(f"SELECT ip_address FROM request_log WHERE request_id = '{request_id}'")
    (seen,) = [line["client"] for line in stack.proxy_log() if line["request_id"] == request_id]
    assert address == seen
    assert address != "203.0.113.9"


async def test_plain_http_is_sent_to_https_with_method_and_body(stack: Stack) -> None:
    async with stack.client() as client:
        response = await client.post(f"{stack.http_url}/api/v1/classify?a=b", content=b"x")

    assert response.status_code == 308
    assert response.headers["Location"] == "https://127.0.0.1/api/v1/classify?a=b"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(version: ssl.TLSVersion, stack: Stack) -> None:
    context = stack.tls()
    context.minimum_version = context.maximum_version = version

    async with stack.client(verify=context) as client:
        assert (await client.get("/health")).status_code == 200


async def test_many_uploads_of_one_photo_to_two_replicas_are_one_question(
    stack: Stack, model: httpx.AsyncClient
) -> None:
    image = make_image()
    await model.post("/hang")
    async with stack.client() as client:
        uploads = [asyncio.create_task(classify(client, image, "crowd")) for _ in range(UPLOADS)]
        async with asyncio.timeout(20):
            while (await model.get("/calls")).json() == 0:
                await asyncio.sleep(0.05)
        await asyncio.sleep(2)  # the others arrive; nothing tells when the last one has
        asked = (await model.get("/calls")).json()
        await model.post("/reset")
        answers = await asyncio.gather(*uploads)

    ids = {answer["request_id"] for answer in answers}
    replicas = {line["upstream"].split(", ")[-1] for line in stack.proxy_log() if line["request_id"] in ids}
    assert asked == 1
    assert (await model.get("/calls")).json() == 0  # none after that one
    assert len({str(answer["data"]) for answer in answers}) == 1
    assert len(replicas) == 2
    assert {row[0] for row in stack.query("SELECT request_id FROM request_log WHERE user_id = 'crowd'")} == ids
