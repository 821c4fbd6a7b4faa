"""Users sign in by tokens of an issuer: who is let in, as whom, and who is told to come again."""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from loguru import logger

from app.container import open_container
from app.observe.logs import configure_logging
from app.services.access.tokens import MAX_REMEMBERED, MAX_TOKEN_BYTES, user_id_of
from app.utils.clock import utc_now
from tests.api.calls import get_data
from tests.conftest import make_client, make_settings
from tests.factories import make_image, make_image_hash
from tests.support.issuer import (
    AUDIENCE,
    ISSUER,
    Issuer,
    IssuerKey,
    ec_key,
    ed25519_key,
    rsa_key,
    running_issuer,
    token_with_secret,
    unsigned_token,
)
from tests.support.service_process import environment

KEY, ADMIN_KEY = "a-key-for-the-apps-7f3a9c51", "a.key.for-operators-84b60e2d"
ADMIN = {"X-API-Key": ADMIN_KEY}


class MovedClock:
    """Now, and a while later when a test says so."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture
def given(sqlite_settings: dict[str, Any], provider_settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that are the same for all."""
    return {**sqlite_settings, **provider_settings}


@asynccontextmanager
async def running(
    given: dict[str, Any], source: str | Path, *, clock: MovedClock | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """The application, which takes tokens of the issuer whose keys are at this address, or in this file."""
    name = "auth_public_key" if isinstance(source, Path) else "auth_jwks_url"
    made = make_settings(
        **{
            **given,
            name: source,
            "auth_issuer": ISSUER,
            "auth_audience": AUDIENCE,
            **settings,
        }
    )
    async with open_container(made, clock=clock or utc_now) as container, make_client(made, container) as client:
        yield client


@pytest.fixture
async def client(given: dict[str, Any], issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    async with running(given, issuer.url) as made:
        yield made


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


async def ask(client: httpx.AsyncClient, headers: dict[str, Any]) -> httpx.Response:
    return await client.post("/classify/check-cache", json={"image_hash": make_image_hash()}, headers=headers)


def code_of(response: httpx.Response) -> str:
    """The code of a 401, which has the one shape and says how to come in."""
    assert response.status_code == 401, response.text
    body = response.json()
    assert list(body) == ["success", "error", "request_id", "timestamp"]
    assert response.headers["www-authenticate"].startswith('Bearer realm="image-classifier"')
    assert ('error="invalid_token"' in response.headers["www-authenticate"]) == (
        body["error"]["code"] != "unauthorized"
    )
    code: str = body["error"]["code"]
    return code


async def test_the_user_is_the_tokens_subject_whatever_the_request_says(client: httpx.AsyncClient) -> None:
    alice, bob = rsa_key().token("alice"), rsa_key().token("bob")
    image = make_image()
    upload = await client.post("/classify", files={"image": image}, headers=bearer(alice, **{"X-User-ID": "bob"}))
    assert upload.status_code == 200, upload.text
    named = {"image_hash": make_image_hash(), "user_id": "bob"}
    assert (await client.post("/classify/check-cache", json=named, headers=bearer(alice))).status_code == 200
    batch = await client.post("/classify/batch", files={"images": image}, headers=bearer(alice))
    assert batch.json()["results"][0]["from_cache"]
    vote = {"request_id": upload.json()["request_id"], "category": "pets"}
    assert (await client.post("/feedback", json=vote, headers=bearer(bob))).status_code == 404
    assert (await client.post("/feedback", json=vote, headers=bearer(alice))).status_code == 200

    own = await client.get("/history", headers=bearer(alice))
    assert len(own.json()["data"]) == 2
    path = f"/requests/{upload.json()['request_id']}"
    assert (await client.get(path, headers=bearer(alice))).status_code == 200
    assert (await client.get(path, headers=bearer(bob, **{"X-User-ID": "alice"}))).status_code == 404
    assert (await client.get("/history", headers=bearer(bob, **{"X-User-ID": "alice"}))).json()["data"] == []
    assert [row["user_id"] for row in await get_data(client, "/stats/users/top")] == ["alice"]
    assert (await client.delete("/history", headers=bearer(bob, **{"X-User-ID": "alice"}))).status_code == 200
    assert len((await client.get("/history", headers=bearer(alice))).json()["data"]) == 2


@pytest.mark.parametrize(
    "make_key",
    [
        rsa_key,
        lambda: rsa_key("pss", "PS256"),
        ec_key,
        ed25519_key,
        lambda: ed25519_key("named", "Ed25519"),
    ],
    ids=["RS256", "PS256", "ES256", "EdDSA", "Ed25519"],
)
async def test_each_algorithm_signs(make_key: Callable[[], IssuerKey], given: dict[str, Any], issuer: Issuer) -> None:
    key = make_key()
    issuer.keys = [key]
    async with running(given, issuer.url) as client:
        assert (await ask(client, bearer(key.token()))).status_code == 200
        assert (await ask(client, {"X-API-Key": key.token(header={"typ": "at+jwt"}, exp=10**30)})).status_code == 200
        assert (await ask(client, bearer(key.token(header={"typ": None, "kid": None}, aud=["x", AUDIENCE])))).is_success


@cache
def good() -> str:
    return rsa_key().token()


def part_of(token: str, number: int) -> str:
    return token.split(".")[number]


def joined(head: str | None = None, body: str | None = None) -> str:
    """A good token with another head or body."""
    return f"{head or part_of(good(), 0)}.{body or part_of(good(), 1)}.{part_of(good(), 2)}"


FORGED: dict[str, Callable[[], str]] = {
    "expired": lambda: rsa_key().token(exp=1_700_000_000),
    "by another key of the same id": lambda: rsa_key("another").token(header={"kid": "first"}),
    "by a key that was never published": lambda: rsa_key("another").token(),
    "none": lambda: unsigned_token("first"),
    "None": lambda: unsigned_token("first", "None"),
    "RS256 without a signature": lambda: unsigned_token("first", "RS256"),
    "HS256 by the public key as PEM": lambda: token_with_secret(rsa_key().pem(), "first"),
    "HS256 by the public key as a JWK": lambda: token_with_secret(json.dumps(rsa_key().jwk()).encode(), "first"),
    "PS256 by a key that is for RS256": lambda: IssuerKey("first", rsa_key().private, "PS256").token(),
    "ES256 by an RSA key's id": lambda: ec_key().token(header={"kid": "first"}),
    "for another audience": lambda: rsa_key().token(aud="another-service"),
    "for other audiences": lambda: rsa_key().token(aud=["a", "b"]),
    "for nobody": lambda: rsa_key().token(aud=None),
    "for an audience that is none": lambda: rsa_key().token(aud={"a": 1}),
    "of another issuer": lambda: rsa_key().token(iss="https://evil.example.com/"),
    "of an issuer but for a slash": lambda: rsa_key().token(iss=ISSUER.rstrip("/")),
    "of no issuer": lambda: rsa_key().token(iss=None),
    "without an end": lambda: rsa_key().token(exp=None),
    "with an end that is no number": lambda: rsa_key().token(exp="2100-01-01"),
    "with an end that is NaN": lambda: rsa_key().token(exp=float("nan")),
    "with an end that is infinite": lambda: rsa_key().token(exp=float("inf")),
    "not yet good": lambda: rsa_key().token(nbf=4_000_000_000, exp=4_000_000_600),
    "issued in the future": lambda: rsa_key().token(iat=4_000_000_000, exp=4_000_000_600),
    "with an issuing time that is none": lambda: rsa_key().token(iat="yesterday"),
    "without a subject": lambda: rsa_key().token(sub=None),
    "with an empty subject": lambda: rsa_key().token(""),
    "with a subject that is a number": lambda: rsa_key().token(sub=42),
    "with a subject that is too long": lambda: rsa_key().token("x" * 256),
    "of another type": lambda: rsa_key().token(header={"typ": "logout+jwt"}),
    "of a type that is no text": lambda: rsa_key().token(header={"typ": ["JWT"]}),
    "with something critical": lambda: rsa_key().token(header={"crit": ["exp"], "exp": 1}),
    "with a body that is not encoded": lambda: rsa_key().token(header={"crit": ["b64"], "b64": False}),
    "with a key id that is no text": lambda: rsa_key().token(header={"kid": {"a": 1}}),
    "without an algorithm": lambda: rsa_key().token(header={"alg": None}),
    "too long": lambda: rsa_key().token(more="x" * MAX_TOKEN_BYTES),
    "cut off": lambda: good()[:-1],
    "with another body": lambda: joined(body=part_of(rsa_key().token("admin"), 1)),
    "with another head": lambda: joined(head=part_of(rsa_key().token(header={"x": 1}), 0)),
    "padded": lambda: good() + "=",
    "empty parts": lambda: "..",
    "no parts": lambda: "eyJ.eyJ.eyJ",
    "a head that is a text": lambda: joined(head="ImFsZyI"),
    "a head that is a list": lambda: joined(head="WyJhbGciXQ"),
}
UNKNOWN = (
    "by a key that was never published",
    "PS256 by a key that is for RS256",
    "ES256 by an RSA key's id",
)
"""Their keys are looked for once more, which takes a while."""


async def test_a_token_that_is_not_good_is_told_so(given: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [rsa_key().jwk()]}), encoding="utf-8")
    told: dict[str, str] = {}
    async with running(given, tmp_path / "keys.json", auth_jwks_refresh_seconds=10) as client:
        for kind, make_token in FORGED.items():
            if kind not in UNKNOWN:
                told[kind] = code_of(await ask(client, bearer(make_token())))
        await asyncio.gather(*(tell(client, kind, told) for kind in UNKNOWN))
        for path in ("/history", "/requests/req_1696934400_a3f5d8c2b1e9"):
            assert code_of(await client.get(path, headers=bearer(FORGED["none"]()))) == "invalid_token"
        upload = await client.post("/classify", files={"image": make_image()}, headers=bearer(FORGED["expired"]()))
        assert code_of(upload) == "expired_token"
        assert (await ask(client, bearer(good()))).status_code == 200

    assert told == {kind: "expired_token" if kind == "expired" else "invalid_token" for kind in FORGED}


async def tell(client: httpx.AsyncClient, kind: str, told: dict[str, str]) -> None:
    told[kind] = code_of(await ask(client, bearer(FORGED[kind]())))


async def test_a_token_damaged_anywhere_is_a_401_and_nothing_else(given: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(rsa_key().pem())
    chance = random.Random(20261130)
    async with running(given, tmp_path / "key.pem") as client:
        for _ in range(400):
            token = bytearray(good().encode())
            for _ in range(chance.randint(1, 3)):
                token[chance.randrange(len(token))] = chance.choice(b'abcXYZ019-_.=+/{}"')
            if bytes(token) == good().encode():
                continue
            response = await ask(client, {"Authorization": b"Bearer " + bytes(token)})
            assert code_of(response) in ("invalid_token", "unauthorized")


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": KEY}, {"Authorization": "Bearer x"}, {"X-User-ID": "alice"}])
async def test_where_users_sign_in_nobody_comes_in_without_a_token(
    headers: dict[str, str], client: httpx.AsyncClient
) -> None:
    calls = [
        await ask(client, headers),
        await client.post("/classify", files={"image": make_image()}, headers=headers),
        await client.get("/history", headers=headers),
        await client.get("/requests/req_1696934400_a3f5d8c2b1e9", headers=headers),
        await client.post("/feedback", json={}, headers=headers),
    ]

    assert {code_of(response) for response in calls} == {"unauthorized"}
    assert (await client.get("/health")).status_code == 200
    assert (await client.get("/categories")).status_code == 200


async def test_a_key_of_a_server_names_its_users_beside_users_who_sign_in(
    given: dict[str, Any], issuer: Issuer
) -> None:
    async with running(given, issuer.url, api_keys=f"{KEY},{KEY}x") as client:
        named = {"X-API-Key": KEY, "X-User-ID": "alice"}
        upload = await client.post("/classify", files={"image": make_image()}, headers=named)
        assert upload.status_code == 200

        own = await client.get("/history", headers=bearer(rsa_key().token("alice")))
        assert [record["request_id"] for record in own.json()["data"]] == [upload.json()["request_id"]]
        assert code_of(await ask(client, {"X-API-Key": KEY + "y"})) == "unauthorized"


async def test_a_user_id_of_the_wrong_form_is_an_error_with_a_token_too(client: httpx.AsyncClient) -> None:
    headers = bearer(good(), **{"X-User-ID": "no good"})
    for response in (await ask(client, headers), await client.get("/history", headers=headers)):
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_user_id")


def test_a_subject_that_is_no_user_id_has_one_of_its_own() -> None:
    assert user_id_of("alice@example.com") == "alice@example.com"
    assert user_id_of("248289761001") == "248289761001"
    hashed = user_id_of("auth0|5f7c8ec7c33c6c004bbafe82")
    assert hashed == "sub:QapIeIfjxFwZskSLLwNlUvALLHjiOUbTkKfoRvatWOE"
    assert user_id_of(hashed) != hashed
    assert len({user_id_of(subject) for subject in ("a b", "a  b", "ä", "x" * 65, "x" * 66, "sub:", "\ud800")}) == 7


async def test_a_user_whose_subject_is_no_user_id_has_a_history(client: httpx.AsyncClient) -> None:
    headers = bearer(rsa_key().token("auth0|5f7c8ec7c33c6c004bbafe82"))
    assert (await client.post("/classify", files={"image": make_image()}, headers=headers)).status_code == 200

    assert len((await client.get("/history", headers=headers)).json()["data"]) == 1
    (row,) = await get_data(client, "/stats/users/top")
    assert row["user_id"].startswith("sub:")


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["user", "photo-operator"]},
        {"roles": "user photo-operator"},
    ],
)
async def test_a_token_of_an_operator_is_as_an_operators_key(
    claims: dict[str, Any], given: dict[str, Any], issuer: Issuer
) -> None:
    keys: dict[str, Any] = {"admin_api_keys": ADMIN_KEY, "auth_admin_claim": "roles=photo-operator"}
    async with running(given, issuer.url, **keys) as client:
        operator, user = bearer(rsa_key().token("olga", **claims)), bearer(rsa_key().token("uwe", roles=["user"]))
        upload = await client.post("/classify", files={"image": make_image()}, headers=user)
        digest = (await client.get("/stats/images/top", headers=operator)).json()["data"][0]["image_hash"]

        for good in (operator, ADMIN):
            assert (await client.get("/stats/today", headers=good)).status_code == 200
            assert (await client.get(f"/requests/{upload.json()['request_id']}", headers=good)).status_code == 200
        assert code_of(await client.get("/stats/today", headers=user)) == "unauthorized"
        assert code_of(await client.get("/stats/today")) == "unauthorized"
        assert code_of(await client.get("/stats/today", headers=bearer(FORGED["expired"]()))) == "expired_token"
        correction = {"category": "pets", "reason": "a cat"}
        assert (await client.put(f"/cache/{digest}", json=correction, headers=operator)).status_code == 200
        audit = (await client.get("/audit", headers=operator)).json()["data"]
    assert [change["key_name"] for change in audit] == ["user:olga"]


async def test_a_claim_of_operators_may_be_within_another(given: dict[str, Any], issuer: Issuer) -> None:
    async with running(given, issuer.url, auth_admin_claim="realm_access.roles=operator") as client:
        within = rsa_key().token(realm_access={"roles": ["operator"]})
        for claims in ({"realm_access": {"roles": "operators"}}, {"realm_access": 7}, {"roles": ["operator"]}, {}):
            assert (await client.get("/stats/today", headers=bearer(rsa_key().token(**claims)))).status_code == 401
        assert (await client.get("/stats/today", headers=bearer(within))).status_code == 200


async def test_an_operators_token_is_heeded_from_the_addresses_of_the_list_alone(
    given: dict[str, Any], issuer: Issuer
) -> None:
    both: dict[str, Any] = {"admin_ip_allowlist": "10.0.0.0/8", "auth_admin_claim": "roles=operator"}
    async with running(given, issuer.url, **both) as client:
        response = await client.get("/stats/today", headers=bearer(rsa_key().token(roles=["operator"])))

    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")


async def test_a_user_is_no_operator_where_no_claim_is_set(given: dict[str, Any], issuer: Issuer) -> None:
    async with running(given, issuer.url, admin_api_keys=ADMIN_KEY) as client:
        token = rsa_key().token(roles=["operator"], admin=True)
        assert (await client.get("/stats/today", headers=bearer(token))).status_code == 401
        assert (await client.get("/stats/today", headers=ADMIN)).status_code == 200


async def test_a_token_is_good_until_its_time_is_over_and_the_leeway_behind_it(
    given: dict[str, Any], issuer: Issuer
) -> None:
    clock = MovedClock()
    async with running(given, issuer.url, clock=clock) as client:
        token = rsa_key().token(exp=int(utc_now().timestamp()) + 600)
        for ahead, status in ((0, 200), (610, 200), (640, 401)):
            clock.ahead = timedelta(seconds=ahead)
            assert (await ask(client, bearer(token))).status_code == status
        assert code_of(await ask(client, bearer(token))) == "expired_token"


async def test_a_token_is_good_no_longer_once_its_key_is_gone(given: dict[str, Any], issuer: Issuer) -> None:
    async with running(given, issuer.url) as client:
        old = bearer(rsa_key().token())
        assert (await ask(client, old)).status_code == 200
        issuer.keys = [rsa_key("second")]
        assert (await ask(client, old)).status_code == 200  # not known yet
        assert (await ask(client, bearer(rsa_key("second").token()))).status_code == 200

        assert code_of(await ask(client, old)) == "invalid_token"


async def test_keys_are_rotated_under_load_without_a_lost_request(client: httpx.AsyncClient, issuer: Issuer) -> None:
    """Each key is published when it begins to sign; an old one goes once its tokens are not used any more."""
    signing, ended, answered = rsa_key(), False, 0

    async def call(number: int) -> None:
        nonlocal answered
        while not ended:
            response = await ask(client, bearer(signing.token(f"user-{number}")))
            assert response.status_code == 200, response.text
            answered += 1

    calls = [asyncio.create_task(call(number)) for number in range(20)]
    for key_id in ("second", "third"):
        before = answered
        while answered < before + 40:
            await asyncio.sleep(0.01)
        key = rsa_key(key_id)
        issuer.keys = [signing, key]
        signing = key
    before = answered
    while answered < before + 40:
        await asyncio.sleep(0.01)
    ended = True
    await asyncio.gather(*calls)


async def test_an_issuer_that_is_away_at_the_start_holds_up_nobody_but_its_users(
    given: dict[str, Any], issuer: Issuer
) -> None:
    issuer.status = 500
    async with running(given, issuer.url, api_keys=KEY, admin_api_keys=ADMIN_KEY) as client:
        response = await ask(client, bearer(good()))
        assert (response.status_code, response.json()["error"]["code"]) == (503, "sign_in_unavailable")
        assert int(response.headers["retry-after"]) <= 3
        assert (await ask(client, {"X-API-Key": KEY})).status_code == 200
        assert (await client.get("/stats/today", headers=ADMIN)).status_code == 200
        assert (await client.get("/health", headers=bearer(good()))).status_code == 200
        issuer.status = 200
        async with asyncio.timeout(10):
            while (await ask(client, bearer(good()))).status_code != 200:
                await asyncio.sleep(0.05)


async def test_many_tokens_are_remembered_up_to_a_bound(given: dict[str, Any], tmp_path: Path) -> None:
    from app.services.access.tokens import TokenVerifier

    (tmp_path / "key.pem").write_bytes(rsa_key().pem())
    settings = make_settings(**given, auth_public_key=tmp_path / "key.pem", auth_issuer=ISSUER, auth_audience=AUDIENCE)
    async with open_container(settings) as container:
        verifier = container.access.tokens
        assert isinstance(verifier, TokenVerifier)
        for number in range(MAX_REMEMBERED + 1):
            await verifier.verify(good().encode(), b"%d" % number)

        assert verifier.find(b"0") is None
        assert verifier.find(b"1") is not None
        assert verifier.find(b"%d" % MAX_REMEMBERED) is not None


async def test_a_token_is_never_logged(
    given: dict[str, Any], issuer: Issuer, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="DEBUG", as_json=True)
    async with running(given, issuer.url) as client:
        for kind in ("expired", "none", "cut off", "for another audience", "with a subject that is too long"):
            for token in (good(), FORGED[kind]()):
                await ask(client, bearer(token))
                await client.get("/history", headers=bearer(token))
    logger.configure(handlers=[])

    log = capsys.readouterr().out
    assert "the keys for sign-in were read" in log
    assert [part for part in (*good().split("."), "device-42") if part in log] == []


def test_without_sign_in_nothing_of_it_is_imported(tmp_path: Path) -> None:
    code = "import sys, app.main, app.container; print([name for name in sys.modules if 'joserfc' in name])"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"
