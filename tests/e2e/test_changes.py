"""What an operator changes or asks while it runs: the proxy notices, and nobody else does."""

import asyncio
import json
import ssl

from tests.api.calls import classify
from tests.e2e.stack import Stack, wait_until
from tests.factories import make_image

NOTICED_SECONDS = 30


async def replicas_that_answer(stack: Stack) -> int:
    """Return how many replicas answered a round of uploads."""
    async with stack.client() as client:
        ids = {(await classify(client, make_image()))["request_id"] for _ in range(12)}
    return len(stack.replicas_of(ids))


async def test_replicas_that_are_added_get_requests(stack: Stack) -> None:
    assert await replicas_that_answer(stack) == 2

    await asyncio.to_thread(stack.compose, "up", "--detach", "--wait", "--scale", "api=3", "api")

    async with asyncio.timeout(NOTICED_SECONDS):
        while await replicas_that_answer(stack) < 3:
            await asyncio.sleep(0.5)
    await asyncio.to_thread(stack.compose, "up", "--detach", "--wait", "--scale", "api=2", "api")
    assert await replicas_that_answer(stack) == 2


def test_the_tables_are_up_to_date_and_an_operator_can_ask(stack: Stack) -> None:
    asked = stack.compose("run", "--rm", "-T", "migrate", "--dry-run", "--json")
    logged = stack.compose("logs", "--no-color", "--no-log-prefix", "migrate").splitlines()

    # It ran at the first `up`, and at each one since.
    answers = [json.loads(line[line.index("{") :]) for line in [asked.strip(), *logged] if "{" in line]
    assert len(answers) >= 2
    assert all(answer["up_to_date"] for answer in answers)


def test_a_renewed_certificate_is_served_without_a_restart(stack: Stack) -> None:
    before = served_certificate(stack)

    stack.make_certificate()

    wait_until(lambda: served_certificate(stack) != before, NOTICED_SECONDS)


def served_certificate(stack: Stack) -> str:
    host, _, port = stack.url.removeprefix("https://").partition(":")
    return ssl.get_server_certificate((host, int(port)))
