"""Restarts and kills under load: who is told what, and whether the records say the same."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest

from app.utils.hash_utils import sha256_hex
from tests.e2e.stack import Stack, wait_until
from tests.factories import make_image

CLIENTS = 8
IMAGES = 20
UPLOADED = 0.3  # of the requests; the others ask with the hash
PAUSE_SECONDS = 0.02  # a client is a person, not a benchmark
SETTLE_SECONDS = 60


@dataclass
class Journal:
    """What clients were told: the ids of the 200s that leave a record, and whatever else came."""

    user: str
    answered: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    last_failure: float = 0.0


async def client(stack: Stack, images: list[bytes], journal: Journal, done: asyncio.Event) -> None:
    chance = random.Random()
    async with stack.client(headers={"X-User-ID": journal.user}) as http:
        while not done.is_set():
            image = chance.choice(images)
            try:
                if chance.random() < UPLOADED:
                    response = await http.post("/classify", files={"image": image})
                else:
                    response = await http.post("/classify/check-cache", json={"image_hash": sha256_hex(image)})
            except httpx.TransportError as error:
                journal.failed.append(repr(error))
                continue
            body = response.json()
            if response.status_code != 200:
                journal.failed.append(f"{response.status_code} {body['error']['code']}")
                journal.last_failure = time.monotonic()
            elif "request_id" in body:  # a miss has none
                journal.answered.append(body["request_id"])
            await asyncio.sleep(PAUSE_SECONDS)


async def under_load(stack: Stack, user: str, disturb: Callable[[], object]) -> Journal:
    """Disturb while clients ask, until they have been answered for a while after it."""
    journal = Journal(user)
    images = [make_image() for _ in range(IMAGES)]
    done = asyncio.Event()
    clients = [asyncio.create_task(client(stack, images, journal, done)) for _ in range(CLIENTS)]
    await answers(journal, 50)
    await asyncio.to_thread(disturb)
    await answers(journal, 200)
    done.set()
    await asyncio.gather(*clients)
    print(user, len(journal.answered), "answered,", Counter(journal.failed))  # noqa: T201
    return journal


async def answers(journal: Journal, more: int) -> None:
    enough = len(journal.answered) + more
    async with asyncio.timeout(SETTLE_SECONDS):
        while len(journal.answered) < enough:
            await asyncio.sleep(0.05)


def recorded(stack: Stack, user: str) -> list[str]:
    return [row[0] for row in stack.query(f"SELECT request_id FROM request_log WHERE user_id = '{user}'")]


def wait_until_recorded(stack: Stack, journal: Journal) -> list[str]:
    """Return what is recorded once all that was answered is: while the database is away, records wait in the spool."""
    wait_until(lambda: set(journal.answered) <= set(recorded(stack, journal.user)), SETTLE_SECONDS)
    return recorded(stack, journal.user)


async def test_replicas_restarted_one_after_the_other_fail_nobody(stack: Stack) -> None:
    def restart_each() -> None:
        for container in stack.containers("api"):
            stack.restart_container(container)

    journal = await under_load(stack, "rolling", restart_each)

    assert journal.failed == []
    assert sorted(wait_until_recorded(stack, journal)) == sorted(journal.answered)


async def test_restarting_all_replicas_at_once_loses_no_answer(stack: Stack) -> None:
    journal = await under_load(stack, "restart", lambda: stack.compose("restart", "api"))

    assert set(journal.failed) <= {"503 service_unavailable"}
    assert sorted(wait_until_recorded(stack, journal)) == sorted(journal.answered)


async def test_killing_all_replicas_loses_no_answer_that_was_given(stack: Stack) -> None:
    def kill() -> None:
        stack.compose("kill", "api")
        stack.compose("up", "--detach", "--wait", "api")

    journal = await under_load(stack, "kill", kill)

    logged = wait_until_recorded(stack, journal)
    assert set(journal.failed) <= {"503 service_unavailable"}
    assert len(logged) == len(set(logged))
    # Recorded, and killed before it was said: at most one for each client.
    assert len(set(logged) - set(journal.answered)) <= CLIENTS


@pytest.mark.parametrize("how", ["restart", "kill"])
async def test_while_the_database_is_away_nothing_is_lost(how: str, stack: Stack) -> None:
    def disturb() -> None:
        stack.compose(how, "mysql")
        stack.compose("up", "--detach", "--wait", "mysql")

    journal = await under_load(stack, f"mysql-{how}", disturb)

    assert set(journal.failed) <= {"503 database_unavailable", "503 overloaded"}
    assert sorted(wait_until_recorded(stack, journal)) == sorted(journal.answered)


async def test_every_answer_is_counted_once_after_all_that(stack: Stack) -> None:
    sums = "SELECT (SELECT SUM(hit_count) FROM image_classification_cache), (SELECT COUNT(*) FROM request_log)"

    ((hits, records),) = stack.query(sums)

    assert hits == records
