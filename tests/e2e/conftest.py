"""The containers, up once for all these tests, and down after them whatever happens."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from playwright.async_api import Browser

from tests.e2e.stack import Stack
from tests.support.chromium import NoChromium
from tests.support.web_browser import running_browser


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = Stack(tmp_path_factory.mktemp("e2e"))
    try:
        started.up()
        yield started
    finally:
        started.down()


@pytest.fixture
async def model(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The vendor, without memory of earlier tests."""
    async with stack.model() as orders:
        (await orders.post("/reset")).raise_for_status()
        yield orders
        (await orders.post("/reset")).raise_for_status()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    try:
        async with running_browser() as browser:
            yield browser
    except NoChromium:
        pytest.skip("no Chromium on the PATH")
