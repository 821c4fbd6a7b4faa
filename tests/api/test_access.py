"""Keys and addresses: what is open, what is not, and what a caller is told who may not."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256
from typing import Any

import httpx
import pytest
from httpx import ASGITransport
from loguru import logger

from app.container import open_container
from app.main import create_app
from app.observe.logs import configure_logging
from app.services.access.keys import KeyRing
from app.services.images.decoding_server import DecodingServer
from app.services.network.build import NetworkServer
from tests.api.calls import classify
from tests.conftest import make_settings
from tests.factories import make_image, make_image_hash

KEY, NEXT_KEY, ADMIN_KEY = "a-key-for-the-apps-7f3a9c51", "the-key-after-it-51d2e84b60", "a-key-for-operators-84b60e2d"
NAMED_KEY = "a-key-with-a-name-0c5e71aa"
CLIENT = {"Authorization": f"Bearer {KEY}"}
ADMIN = {"X-API-Key": ADMIN_KEY}
STATISTICS = (
    "/stats/today",
    "/stats/yesterday",
    "/stats/cache-efficiency",
    "/stats/tokens",
    "/stats/category-distribution",
    "/stats/users/top",
    "/stats/images/top",
    "/stats/identity",
    "/stats/models",
    "/stats/trend",
    "/stats/live",
    "/stats/latency",
    "/stats/budget",
)
CORRECTIONS = (
    ("GET", f"/cache/{'0' * 64}"),
    ("PUT", f"/cache/{'0' * 64}"),
    ("DELETE", f"/cache/{'0' * 64}"),
    ("POST", "/cache/purge"),
    ("GET", "/audit"),
    ("GET", "/feedback"),
)
OPEN = ("/health", "/health/live", "/health/ready", "/categories", "/about")


Running = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def running(decoders: DecodingServer, network: NetworkServer) -> Running:
    """The application with settings of a test's own, as a client at `address` sees it."""

    @asynccontextmanager
    async def run(settings: dict[str, Any], address: str = "192.0.2.7") -> AsyncIterator[httpx.AsyncClient]:
        made = make_settings(**{"llm_provider": "local", **settings})
        async with open_container(made, decoders=decoders, network=network) as container:
            transport = ASGITransport(create_app(made, container), client=(address, 40000))
            async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as client:
                yield client

    return run


async def call_the_apps_endpoints(client: httpx.AsyncClient, headers: dict[str, str]) -> list[httpx.Response]:
    return [
        await client.post("/classify/check-cache", json={"image_hash": make_image_hash()}, headers=headers),
        await client.post("/classify", files={"image": make_image()}, headers=headers),
        await client.get("/requests/req_1696934400_a3f5d8c2b1e9", headers=headers),
    ]


def assert_unauthorized(response: httpx.Response) -> None:
    assert response.status_code == 401, response.text
    body = response.json()
    assert list(body) == ["success", "error", "request_id", "timestamp"]
    assert body["error"]["code"] == "unauthorized"
    assert response.headers["www-authenticate"].startswith("Bearer ")
    assert response.headers["x-request-id"] == body["request_id"]


def assert_forbidden(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")


async def test_without_settings_everything_is_open(running: Running, sqlite_settings: dict[str, Any]) -> None:
    async with running(sqlite_settings) as client:
        responses = await call_the_apps_endpoints(client, {})
        assert [response.status_code for response in responses] == [200, 200, 404]
        for path in (*STATISTICS, *OPEN):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \xff\xfe"},
        {"X-API-Key": ""},
        {"X-API-Key": KEY.upper()},
        {"X-API-Key": f"sha256:{sha256(KEY.encode()).hexdigest()}"},
        {"X-API-Key": f"wrong, {KEY}"},
        {"X-API-Key": "wrong", "Authorization": f"Bearer {KEY}"},
        {"X-API-Key": ADMIN_KEY + "x"},
        {"Cookie": f"key={KEY}"},
    ],
)
async def test_without_a_key_of_theirs_apps_are_turned_away(
    running: Running, headers: dict[str, str], sqlite_settings: dict[str, Any]
) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        for response in await call_the_apps_endpoints(client, raw):  # type: ignore[arg-type]  # bytes: not only ASCII
            assert_unauthorized(response)


@pytest.mark.parametrize(
    "headers",
    [
        CLIENT,
        {"Authorization": f"bearer  {KEY} "},
        {"X-API-Key": KEY},
        {"X-API-Key": NEXT_KEY},
        {"X-API-Key": NAMED_KEY},
        {"X-API-Key": KEY, "Authorization": "Basic from-a-proxy"},
    ],
)
async def test_each_key_opens_the_apps_calls_however_it_is_sent_and_stored(
    running: Running, headers: dict[str, str], sqlite_settings: dict[str, Any]
) -> None:
    keys = f"sha256:{sha256(KEY.encode()).hexdigest()}, {NEXT_KEY}, ios-app:{NAMED_KEY}"
    async with running({**sqlite_settings, "api_keys": keys}) as client:
        responses = await call_the_apps_endpoints(client, headers)

    assert [response.status_code for response in responses] == [200, 200, 404]


async def test_a_key_in_the_address_is_no_key(running: Running, sqlite_settings: dict[str, Any]) -> None:
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        assert_unauthorized(await client.post(f"/classify/check-cache?api_key={KEY}&X-API-Key={KEY}", json={}))
        assert_unauthorized(await client.get(f"/stats/today?key={ADMIN_KEY}"))


async def test_who_has_no_key_learns_nothing_else(running: Running, sqlite_settings: dict[str, Any]) -> None:
    """Neither what is wrong with the rest of the request nor whether an image or a record is there."""
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        answer = (await client.post("/classify", files={"image": make_image()}, headers=CLIENT)).json()

        assert_unauthorized(await client.get(f"/requests/{answer['request_id']}"))
        assert_unauthorized(await client.post("/classify", content=b"x" * 11_000_000))
        assert_unauthorized(await client.post("/classify/check-cache", content=b"{", headers={"X-User-ID": "no good"}))
        assert_unauthorized(await client.get("/stats/users/top?limit=many"))
        assert_unauthorized(await client.get("/stats/users/device-42"))
        assert_unauthorized(await client.get("/stats/users/device-42", headers=CLIENT))


@pytest.mark.parametrize("path", STATISTICS)
async def test_statistics_are_for_operators_keys_alone(
    running: Running, path: str, sqlite_settings: dict[str, Any]
) -> None:
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        assert_unauthorized(await client.get(path))
        assert_unauthorized(await client.get(path, headers=CLIENT))
        assert (await client.get(path, headers=ADMIN)).status_code == 200
        assert (await client.get(path, headers={"Authorization": f"Bearer {ADMIN_KEY}"})).status_code == 200


async def test_the_live_stream_is_for_operators_keys_alone(running: Running, sqlite_settings: dict[str, Any]) -> None:
    path = "/stats/live/stream"
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        assert_unauthorized(await client.get(path))
        assert_unauthorized(await client.get(path, headers=CLIENT))
        assert_unauthorized(await client.get(f"{path}?key={ADMIN_KEY}"))
        assert (await client.head(path, headers=ADMIN)).status_code == 200  # a GET would go on


@pytest.mark.parametrize(("method", "path"), CORRECTIONS)
async def test_corrections_are_for_operators_keys_alone(
    running: Running, method: str, path: str, sqlite_settings: dict[str, Any]
) -> None:
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        assert_unauthorized(await client.request(method, path))
        assert_unauthorized(await client.request(method, path, headers=CLIENT))
        assert (await client.request(method, path, headers=ADMIN)).status_code in (200, 400, 404)


async def test_an_operators_key_does_not_classify(running: Running, sqlite_settings: dict[str, Any]) -> None:
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        assert_unauthorized(await client.post("/classify", files={"image": make_image()}, headers=ADMIN))


@pytest.mark.parametrize("path", OPEN)
async def test_health_the_categories_and_what_is_accepted_need_no_key(
    running: Running, path: str, sqlite_settings: dict[str, Any]
) -> None:
    keys = {"api_keys": KEY, "admin_api_keys": ADMIN_KEY, "admin_ip_allowlist": "10.0.0.0/8"}
    async with running({**sqlite_settings, **keys}) as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::7", True),
        ("192.0.2.7", False),
        ("11.0.0.1", False),
        ("2001:db9::7", False),
        ("::10.1.2.3", False),
        ("unix:", False),
    ],
)
async def test_statistics_are_for_the_addresses_on_the_list(
    running: Running, address: str, inside: bool, sqlite_settings: dict[str, Any]
) -> None:
    async with running({**sqlite_settings, "admin_ip_allowlist": "10.0.0.0/8,2001:db8::/32"}, address) as client:
        response = await client.get("/stats/today")

    if inside:
        assert response.status_code == 200
    else:
        assert_forbidden(response)


async def test_with_keys_and_addresses_both_are_needed(running: Running, sqlite_settings: dict[str, Any]) -> None:
    both = {**sqlite_settings, "admin_api_keys": ADMIN_KEY, "admin_ip_allowlist": "10.0.0.0/8"}
    async with running(both, "10.0.0.1") as client:
        assert_unauthorized(await client.get("/stats/today"))
        assert (await client.get("/stats/today", headers=ADMIN)).status_code == 200
    async with running(both, "192.0.2.7") as client:
        assert_forbidden(await client.get("/stats/today", headers=ADMIN))
        assert_forbidden(await client.get("/stats/today"))  # outside, a right key and a wrong one look the same


async def test_an_operator_reads_any_record_and_a_client_their_own(
    running: Running, sqlite_settings: dict[str, Any]
) -> None:
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        for user in ({"X-User-ID": "device-42"}, {}):
            upload = await client.post("/classify", files={"image": make_image()}, headers={**CLIENT, **user})
            path = f"/requests/{upload.json()['request_id']}"

            assert (await client.get(path, headers=ADMIN)).json()["data"]["request_id"] in path
            others = {**CLIENT, "X-User-ID": "device-43"}
            assert (await client.get(path, headers=others)).status_code == 404
            own = await client.get(path, headers={**CLIENT, **user})
            assert own.status_code == (200 if user else 404)


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [("10.0.0.1", ADMIN, 200), ("192.0.2.7", ADMIN, 404), ("10.0.0.1", {}, 404)],
)
async def test_half_an_operator_reads_nobodys_record(
    running: Running, address: str, headers: dict[str, str], status: int, sqlite_settings: dict[str, Any]
) -> None:
    both = {**sqlite_settings, "admin_api_keys": ADMIN_KEY, "admin_ip_allowlist": "10.0.0.0/8"}
    async with running(both, address) as client:
        answer = await classify(client, make_image(), "device-42")

        assert (await client.get(f"/requests/{answer['request_id']}", headers=headers)).status_code == status


async def test_a_key_is_never_logged(
    running: Running, sqlite_settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="DEBUG", as_json=True)
    async with running({**sqlite_settings, "api_keys": KEY, "admin_api_keys": ADMIN_KEY}) as client:
        for headers in (CLIENT, ADMIN, {"X-API-Key": "wrong-7f3a9c51"}):
            await call_the_apps_endpoints(client, headers)
            await client.get("/stats/today", headers=headers)
    logger.configure(handlers=[])

    log = capsys.readouterr().out
    assert log.count("\n") > 0
    assert [part for part in (KEY, ADMIN_KEY, "7f3a9c51") if part in log] == []


def test_a_key_ring_compares_with_every_key() -> None:
    """It does not stop at the one that fits: how long it takes tells nothing about the place of a key."""
    compared: list[bytes] = []

    class Watched(tuple[bytes, ...]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for digest in super().__iter__():
                compared.append(digest)
                yield digest

    digests = [sha256(bytes([number])).digest() for number in range(3)]

    assert KeyRing(Watched(digests)).holds(b"\0")
    assert compared == digests
