"""What the SDKs send and read passes our own HTTP client: bounded answers, no redirects, nothing of the environment."""

import gzip
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anthropic
import httpx2
import openai
import pytest

from app.config import Settings
from app.services.model.errors import ModelBadAnswer, ModelMisconfigured
from app.services.model.providers.vendor_http import MAX_ANSWER_BYTES, VendorHTTPClient
from app.services.model_client import ModelClient
from tests.conftest import make_settings, settings_for_provider
from tests.support.fake_model_server import Behaviour, FakeModels, RunningFakeModels
from tests.support.providers import ask, open_provider

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "OPENAI_API_KEY": "stray-key",
    "OPENAI_ADMIN_KEY": "stray-key",
    "OPENAI_ORG_ID": "stray-organization",
    "OPENAI_PROJECT_ID": "stray-project",
    "OPENAI_CUSTOM_HEADERS": "X-Stray: stray\nAuthorization: Bearer stray-key",
    "ANTHROPIC_API_KEY": "stray-key",
    "ANTHROPIC_AUTH_TOKEN": "stray-key",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Stray: stray\nauthorization: Bearer stray-key\nUser-Agent: stray",
}
ASK_ONCE = """\
import asyncio, sys
from tests.conftest import make_settings
from tests.support.providers import ask, open_provider

async def main():
    provider, base_url, model = sys.argv[1:]
    settings = make_settings(llm_provider=provider, llm_api_key="test-key", llm_base_url=base_url, llm_model=model)
    async with open_provider(settings) as opened:
        await ask(opened)

asyncio.run(main())
"""


@pytest.fixture(params=["openai", "claude", "custom"])
def provider_settings(request: pytest.FixtureRequest, fake_models: FakeModels) -> Settings:
    return make_settings(**settings_for_provider(request.param, fake_models))


@pytest.fixture
async def provider(provider_settings: Settings) -> AsyncIterator[ModelClient]:
    async with open_provider(provider_settings) as opened:
        yield opened


def assert_causes_end(error: BaseException) -> None:
    """Whoever follows the causes of an error must come to an end."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        assert all(cause is not other for other in seen)
        seen.append(cause)
        cause = cause.__cause__


async def test_an_answer_without_an_end_is_given_up_after_a_megabyte(
    provider: ModelClient, fake_models: FakeModels
) -> None:
    fake_models.behaviour = Behaviour(endless=True)

    with pytest.raises(ModelBadAnswer, match="1 MiB") as caught:
        await ask(provider)

    assert_causes_end(caught.value)
    assert fake_models.bytes_sent < 32 * MAX_ANSWER_BYTES  # what the sockets hold is sent, and read by nobody


async def test_an_answer_that_decompresses_without_an_end_takes_no_memory(
    provider: ModelClient, fake_models: FakeModels
) -> None:
    bomb = gzip.compress(b" " * 200 * MAX_ANSWER_BYTES, compresslevel=1)
    fake_models.behaviour = Behaviour(
        raw=bomb, headers={"content-type": "application/json", "content-encoding": "gzip"}
    )

    tracemalloc.start()
    with pytest.raises(ModelBadAnswer, match="1 MiB"):
        await ask(provider)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 16 * MAX_ANSWER_BYTES


async def test_a_compressed_answer_is_read(fake_models: FakeModels) -> None:
    message = {"role": "assistant", "content": json.dumps({"category": "pets", "confidence": 0.9, "description": "猫"})}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    fake_models.behaviour = Behaviour(
        raw=gzip.compress(json.dumps(reply).encode()),
        headers={"content-type": "application/json", "content-encoding": "gzip"},
    )

    async with open_provider(make_settings(**settings_for_provider("openai", fake_models))) as provider:
        assert (await ask(provider)).classification.description == "猫"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_says_which_setting_is_wrong(
    status: int, provider: ModelClient, fake_models: FakeModels
) -> None:
    with RunningFakeModels() as other:
        fake_models.behaviour = Behaviour(status=status, headers={"location": f"{other.base_url}/v1/chat/completions"})

        with pytest.raises(ModelMisconfigured, match="LLM_BASE_URL"):
            await ask(provider)

        assert (len(fake_models.calls), other.calls) == (1, [])


def test_nothing_of_the_sdks_own_environment_variables_is_sent(
    provider_settings: Settings, fake_models: FakeModels
) -> None:
    endpoint = provider_settings.primary
    script = [sys.executable, "-W", "error", "-c", ASK_ONCE, endpoint.provider, endpoint.base_url, endpoint.model]

    subprocess.run(script, env={**os.environ, **ENVIRONMENT}, cwd=ROOT, check=True, timeout=60)

    (call,) = fake_models.calls
    assert "stray" not in f"{call.headers}"
    assert call.headers["authorization"] == "Bearer test-key"


async def test_the_headers_are_those_that_we_give_by_name(provider: ModelClient, fake_models: FakeModels) -> None:
    await ask(provider)

    ours = {"accept", "accept-encoding", "authorization", "content-type", "user-agent", "anthropic-version"}
    transport = {"host", "content-length", "connection"}
    assert set(fake_models.calls[0].headers) <= ours | transport


async def test_a_cookie_of_the_vendor_is_not_kept(fake_models: FakeModels) -> None:
    async with open_provider(make_settings(**settings_for_provider("openai", fake_models))) as provider:
        await ask(provider)
    fake_models.behaviour = Behaviour(raw=b"{}", headers={"set-cookie": "a=b"})

    async with VendorHTTPClient({"authorization": "Bearer k"}) as http:
        response = await http.post(f"{fake_models.base_url}/v1/chat/completions", json=fake_models.calls[0].body)

        assert response.headers["set-cookie"] == "a=b"
        assert not http.cookies


async def ask_openai(http: httpx2.AsyncClient) -> None:
    async with openai.AsyncOpenAI(api_key="test-key", base_url="http://vendor/v1", http_client=http) as client:
        await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])


async def ask_claude(http: httpx2.AsyncClient) -> None:
    async with anthropic.AsyncAnthropic(api_key="test-key", base_url="http://vendor", http_client=http) as client:
        await client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])


@pytest.mark.parametrize(("name", "ask_sdk"), [("openai", ask_openai), ("claude", ask_claude)])
async def test_the_key_is_sent_as_the_sdk_would_send_it(
    name: str, ask_sdk: Callable[[httpx2.AsyncClient], Awaitable[None]], fake_models: FakeModels
) -> None:
    sent: list[httpx2.Headers] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers)
        return httpx2.Response(200, json={})

    await ask_sdk(httpx2.AsyncClient(transport=httpx2.MockTransport(answer)))
    async with open_provider(make_settings(**settings_for_provider(name, fake_models))) as provider:
        await ask(provider)

    ours = fake_models.calls[0].headers
    for header in ("authorization", "x-api-key", "anthropic-version", "content-type", "accept"):
        assert ours.get(header) == sent[0].get(header), header
