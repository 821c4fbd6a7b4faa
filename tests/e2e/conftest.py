"""The containers, up once for all these tests, and down after them whatever happens."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.e2e.stack import Stack


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
