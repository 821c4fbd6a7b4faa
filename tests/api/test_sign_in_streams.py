"""A stream outlives the check at its beginning: it ends when the token that opened it is good no longer."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.container import open_container
from tests.conftest import make_client, make_settings
from tests.support.issuer import AUDIENCE, ISSUER, rsa_key, running_issuer

STREAM = "/stats/live/stream"


@pytest.fixture
async def client(sqlite_settings: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    async with running_issuer() as issuer:
        settings = make_settings(
            **sqlite_settings,
            auth_jwks_url=issuer.url,
            auth_issuer=ISSUER,
            auth_audience=AUDIENCE,
            auth_leeway_seconds=0,
            auth_admin_claim="roles=operator",
        )
        async with open_container(settings) as container, make_client(settings, container) as made:
            yield made


async def test_a_stream_ends_with_the_token_that_opened_it(client: httpx.AsyncClient) -> None:
    end = int(time.time()) + 3
    operator = {"Authorization": f"Bearer {rsa_key().token('olga', roles=['operator'], exp=end)}"}

    stream = await client.get(STREAM, headers=operator)
    ended = time.time()
    again = await client.get(STREAM, headers=operator)

    assert stream.status_code == 200
    assert "event: live\n" in stream.text
    assert stream.text.endswith("event: end\ndata: {}\n\n")
    assert end - 0.1 < ended < end + 10
    assert (again.status_code, again.json()["error"]["code"]) == (401, "expired_token")
