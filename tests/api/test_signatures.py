"""Signed requests: taken once, as they were signed, and not for long, by whichever process."""

import asyncio
import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import open_container
from app.database import Database, Sql, from_sql_time
from app.services.access.signatures import MAX_AGE_SECONDS, MAX_CLOCK_SKEW_SECONDS
from tests.conftest import SAMPLES, make_client, make_settings
from tests.factories import make_image, make_image_hash
from tests.support.service_process import ROOT, environment, running_service
from tests.support.signing import COVERED, KEY_ID, SECRET, sign

OTHER_SECRET = "another-secret-of-32-characters-d2e84b60"
ADMIN_KEY = "a-key-for-operators-84b60e2d"
NONCES = Sql.same("SELECT key_id, nonce FROM signature_nonce")


@pytest.fixture
def settings(database_settings: dict[str, Any]) -> Settings:
    keys = f"{KEY_ID}:{SECRET},app-2:{OTHER_SECRET}"
    return make_settings(**database_settings, llm_provider="local", signing_keys=keys, admin_api_keys=ADMIN_KEY)


def question(client: httpx.AsyncClient, **changes: Any) -> httpx.Request:
    """Return a signed check-cache."""
    headers = {"X-User-ID": "device-42"}
    request = client.build_request("POST", "/classify/check-cache", json={"image_hash": "0" * 64}, headers=headers)
    return sign(request, **changes)


def code_of(response: httpx.Response) -> str:
    assert response.status_code == 401, response.text
    assert response.headers["www-authenticate"].startswith("Signature ")
    code: str = response.json()["error"]["code"]
    return code


async def test_signed_requests_are_answered(client: httpx.AsyncClient) -> None:
    for headers in ({"X-User-ID": "device-42"}, {}):
        upload = sign(client.build_request("POST", "/classify", files={"image": make_image()}, headers=headers))
        answer = await client.send(upload)
        assert answer.status_code == 200, answer.text
        record = sign(client.build_request("GET", f"/requests/{answer.json()['request_id']}", headers=headers))
        assert (await client.send(record)).status_code == (200 if headers else 404)

    assert (await client.send(question(client))).status_code == 200


async def test_each_key_signs_and_two_apps_may_use_the_same_nonce(client: httpx.AsyncClient) -> None:
    nonce = "the-same-nonce-of-both"
    for keys in ({}, {"key_id": "app-2", "secret": OTHER_SECRET}):
        assert (await client.send(question(client, nonce=nonce, **keys))).status_code == 200


async def test_a_signature_field_that_is_too_long_is_not_looked_at_in_however_many_lines(
    client: httpx.AsyncClient,
) -> None:
    for length, status in ((100, 200), (5000, 401)):
        request = question(client)
        another = ("Signature-Input", f'another=("@method");note="{"x" * length}"')
        request.headers = httpx.Headers([another, ("Signature", "another=:AAAA:"), *request.headers.multi_items()])

        assert (await client.send(request)).status_code == status


async def test_a_request_with_two_signatures_for_us_is_refused(client: httpx.AsyncClient) -> None:
    """Else one of them would be spent, and the other would be good for the same request again."""
    request, other = question(client), question(client, label="other")
    fields = [(name, other.headers[name]) for name in ("Signature-Input", "Signature")]
    request.headers = httpx.Headers([*request.headers.multi_items(), *fields])

    assert code_of(await client.send(request)) == "invalid_signature"


async def test_a_request_without_a_signature_is_turned_away(client: httpx.AsyncClient) -> None:
    calls = [
        client.build_request("POST", "/classify/check-cache", json={"image_hash": make_image_hash()}),
        client.build_request("POST", "/classify", files={"image": make_image()}),
        client.build_request("GET", "/requests/req_1696934400_a3f5d8c2b1e9"),
    ]
    for request in calls:
        assert code_of(await client.send(request)) == "missing_signature"
    half = question(client)
    del half.headers["Signature"]
    assert code_of(await client.send(half)) == "missing_signature"


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": OTHER_SECRET},
        {"key_id": "app-2"},
        {"key_id": "app-3"},
        {"tag": "another-service"},
        {"tag": None},
        {"nonce": None},
        {"nonce": "short"},
        {"nonce": "x" * 65},
        *[{"covered": [name for name in COVERED if name != left_out]} for left_out in COVERED],
    ],
    ids=str,
)
async def test_a_signature_that_says_too_little_or_is_not_ours_is_refused(
    changes: dict[str, Any], client: httpx.AsyncClient
) -> None:
    assert code_of(await client.send(question(client, **changes))) == "invalid_signature"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-User-ID", "device-43"),
        ("Content-Digest", "sha-256=:" + "A" * 43 + "=:"),
        ("Signature", "pyhms=:" + "A" * 43 + "=:"),
        ("Signature", "nonsense"),
        ("Signature-Input", "nonsense"),
        ("Signature-Input", 'pyhms=("@method" "@path");keyid="app-1"'),
        ("Signature-Input", "pyhms=(" + '"a" ' * 1000 + ")"),
        ("Signature-Input", "pyhms=\xff"),
    ],
)
async def test_what_was_signed_cannot_be_changed(header: str, value: str, client: httpx.AsyncClient) -> None:
    request = question(client)
    others = [pair for pair in request.headers.raw if pair[0].lower() != header.lower().encode()]
    request.headers = httpx.Headers([*others, (header.encode(), value.encode("latin-1"))])

    assert code_of(await client.send(request)) == "invalid_signature"


@pytest.mark.parametrize(
    ("covered", "said"),
    [
        (("@method", "@target-uri", "content-digest", "x-user-id"), '"@path". "@target-uri" does not stand for it.'),
        (("@method", "@path", "x-user-id"), '"content-digest".'),
        (("@path", "content-digest"), '"@method", "x-user-id".'),
    ],
)
async def test_a_signature_that_covers_too_little_is_told_what_is_missing(
    covered: tuple[str, ...], said: str, client: httpx.AsyncClient
) -> None:
    response = await client.send(question(client, covered=covered))

    assert code_of(response) == "invalid_signature"
    assert response.json()["error"]["message"] == f"The signature does not cover {said}"


@pytest.mark.parametrize(
    "signature_input",
    [
        b'sig=("secret-word");tag="image-classifier"',
        b'sig=("secret-word" 7);tag=secret-word',
        b"sig=secret-word",
        b"\x80secret-word",
    ],
)
async def test_what_a_signature_says_of_itself_is_never_repeated(
    signature_input: bytes, client: httpx.AsyncClient
) -> None:
    request = question(client)
    del request.headers["Signature-Input"]
    request.headers = httpx.Headers([*request.headers.raw, (b"Signature-Input", signature_input)])
    response = await client.send(request)

    assert code_of(response) == "invalid_signature"
    assert "secret-word" not in response.text


async def test_a_signature_is_good_for_its_method_and_path_alone(client: httpx.AsyncClient) -> None:
    request = question(client)
    elsewhere = client.build_request("POST", "/classify", content=request.content, headers=request.headers)
    assert code_of(await client.send(elsewhere)) == "invalid_signature"

    read = sign(client.build_request("GET", "/requests/req_1696934400_a3f5d8c2b1e9"))
    another = client.build_request("GET", "/requests/req_1696934400_a3f5d8c2b1ea", headers=read.headers)
    assert code_of(await client.send(another)) == "invalid_signature"


@pytest.mark.parametrize("body", [b"", b'{"image_hash":"' + b"1" * 64 + b'"}'])
@pytest.mark.on_both_databases
async def test_a_body_that_was_not_signed_is_refused_and_does_not_use_the_signature_up(
    body: bytes, client: httpx.AsyncClient, database: Database
) -> None:
    signed = question(client)
    headers = {**signed.headers, "Content-Length": str(len(body))}
    other = client.build_request("POST", "/classify/check-cache", content=body, headers=headers)

    assert code_of(await client.send(other)) == "invalid_signature"
    assert await database.fetch_all(NONCES, {}) == []
    assert (await client.send(signed)).status_code == 200


async def test_a_digest_without_sha_256_is_refused(client: httpx.AsyncClient) -> None:
    body = b'{"image_hash":"' + b"0" * 64 + b'"}'
    headers = {"Content-Digest": f"sha-512=:{base64.b64encode(hashlib.sha512(body).digest()).decode()}:"}
    request = client.build_request("POST", "/classify/check-cache", content=body, headers=headers)

    assert code_of(await client.send(sign(request, use_existing_digest=True))) == "invalid_signature"


async def test_an_upload_that_is_not_the_signed_one_asks_no_model(
    client: httpx.AsyncClient, database: Database
) -> None:
    signed = sign(client.build_request("POST", "/classify", files={"image": make_image()}))
    body = signed.content.replace(b"image/", b"image-")[:-2] + b"\n\n"
    changed = client.build_request("POST", "/classify", content=body, headers=dict(signed.headers))

    assert code_of(await client.send(changed)) == "invalid_signature"
    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM image_classification_cache"), {}) == [(0,)]


@pytest.mark.parametrize(
    ("age", "expires_in", "code"),
    [
        (timedelta(seconds=-20), None, None),
        (timedelta(seconds=-40), None, "expired_signature"),
        (timedelta(seconds=320), None, None),
        (timedelta(seconds=340), None, "expired_signature"),
        (timedelta(days=3650), timedelta(days=3650), "expired_signature"),
        (timedelta(seconds=100), timedelta(seconds=-20), None),
        (timedelta(seconds=100), timedelta(seconds=-40), "expired_signature"),
    ],
)
async def test_a_signature_is_good_in_its_window_alone(
    age: timedelta, expires_in: timedelta | None, code: str | None, client: httpx.AsyncClient
) -> None:
    times = {"age": age, "expires": expires_in and datetime.now(UTC) + expires_in}
    response = await client.send(question(client, **times))

    assert response.status_code == 200 if code is None else code_of(response) == code


async def test_that_a_signature_was_used_is_kept_for_as_long_as_it_could_be_sent_again(
    client: httpx.AsyncClient, database: Database
) -> None:
    signed_at = datetime.now(UTC).replace(microsecond=0)

    await client.send(question(client))

    ((kept_until,),) = await database.fetch_all(Sql.same("SELECT expires_at FROM signature_nonce"), {})
    assert from_sql_time(kept_until) >= signed_at + timedelta(seconds=MAX_AGE_SECONDS + MAX_CLOCK_SKEW_SECONDS)


@pytest.fixture
async def other_client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The same service in another process: nothing shared but the database."""
    async with open_container(settings) as container, make_client(settings, container) as made:
        yield made


@pytest.mark.on_both_databases
async def test_a_signature_is_good_once_for_all_processes(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    for request in (
        question(client),
        sign(client.build_request("POST", "/classify", files={"image": make_image()})),
        sign(client.build_request("GET", "/requests/req_1696934400_a3f5d8c2b1e9")),
    ):
        assert (await client.send(request)).status_code in (200, 404)
        assert code_of(await client.send(request)) == "replayed_signature"
        assert code_of(await other_client.send(request)) == "replayed_signature"


@pytest.mark.on_both_databases
async def test_of_many_that_use_a_signature_at_once_one_is_answered(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    request = question(client)

    responses = await asyncio.gather(*(sender.send(request) for sender in (client, other_client) * 10))

    assert sorted(response.status_code for response in responses) == [200] + [401] * 19


async def test_while_the_database_is_away_a_signature_is_not_taken(tmp_path: Path) -> None:
    """Nobody can know whether it has been used. Without signatures the same upload is answered."""
    away = {"mysql_host": "127.0.0.1", "mysql_port": 9, "spool_dir": tmp_path}
    settings = make_settings(**away, llm_provider="local", signing_keys=f"{KEY_ID}:{SECRET}")
    async with open_container(settings) as container, make_client(settings, container) as client:
        upload = sign(client.build_request("POST", "/classify", files={"image": make_image()}))
        response = await client.send(upload)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "database_unavailable")


async def test_operators_need_no_signature(client: httpx.AsyncClient) -> None:
    answer = await client.send(question(client))
    path = f"/requests/{answer.headers['x-request-id']}"

    assert (await client.get(path, headers={"X-API-Key": ADMIN_KEY})).status_code == 404  # a miss leaves no record
    assert (await client.get("/stats/today", headers={"X-API-Key": ADMIN_KEY})).status_code == 200
    assert (await client.get("/health")).status_code == 200


async def test_a_key_is_needed_beside_the_signature(sqlite_settings: dict[str, Any]) -> None:
    key = "a-key-for-the-apps-7f3a9c51"
    both = make_settings(**sqlite_settings, llm_provider="local", api_keys=key, signing_keys=f"{KEY_ID}:{SECRET}")
    async with open_container(both) as container, make_client(both, container) as client:
        assert (await client.send(question(client))).json()["error"]["code"] == "unauthorized"
        client.headers["X-API-Key"] = key
        assert (await client.send(question(client))).status_code == 200
        unsigned = await client.post("/classify/check-cache", json={"image_hash": "0" * 64})
        assert code_of(unsigned) == "missing_signature"


def test_the_documented_client_works(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/signatures.md").read_text(encoding="utf-8"), re.DOTALL)
    script, photo = tmp_path / "client.py", SAMPLES / "cat.png"
    script.write_text(code, encoding="utf-8")
    with running_service(tmp_path, signing_keys=f"{KEY_ID}:{SECRET}") as service:
        command = [sys.executable, str(script), service.url, KEY_ID, SECRET, str(photo)]
        answers = [
            json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout) for _ in range(2)
        ]
        unsigned = httpx.post(f"{service.url}/api/v1/classify", files={"image": photo.read_bytes()})

    assert [answer["from_cache"] for answer in answers] == [False, True]
    assert {answer["data"]["category"] for answer in answers} == {"pets"}
    assert unsigned.json()["error"]["code"] == "missing_signature"
    assert hashlib.sha256(SECRET.encode()).hexdigest() not in service.printed()
    assert SECRET not in service.printed()


def test_without_signing_keys_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    code = "import sys, app.main, app.container; print([name for name in sys.modules if 'http_message' in name])"

    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert ended.stdout == "[]\n", ended.stderr


async def test_a_users_votes_and_history_need_a_signature_that_covers_the_user_and_the_body(
    client: httpx.AsyncClient,
) -> None:
    headers, vote = {"X-User-ID": "device-42"}, {"request_id": "req_1696934400_a3f5d8c2b1e9"}

    def make(method: str, path: str, body: dict[str, str] | None = None) -> httpx.Request:
        return client.build_request(method, path, json=body, headers=headers)

    calls: list[tuple[str, str, dict[str, str] | None]] = [
        ("POST", "/feedback", vote),
        ("GET", "/history", None),
        ("DELETE", "/history", None),
    ]
    for call, status in zip(calls, (404, 200, 200), strict=True):
        assert code_of(await client.send(make(*call))) == "missing_signature"
        assert (await client.send(sign(make(*call)))).status_code == status
        other = sign(make(*call))
        other.headers["X-User-ID"] = "device-43"
        assert code_of(await client.send(other)) == "invalid_signature"

    signed, another = sign(make(*calls[0])), make("POST", "/feedback", {**vote, "category": "pets"})
    for name in ("Content-Digest", "Signature-Input", "Signature"):
        another.headers[name] = signed.headers[name]
    assert code_of(await client.send(another)) == "invalid_signature"
