"""Clients that ask as apps do, and remember what they were told."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.utils.content_hash.content_hash import content_hash
from app.utils.hash_utils import sha256_hex
from tests.factories import make_image
from tests.support.jpeg_surgery import with_comment

PHOTOS = 20
_CLIENTS = 16
_ANSWERS_BEFORE = 200


@dataclass
class Journal:
    """What clients were told: the id of each 200."""

    answered: list[str] = field(default_factory=list)
    failed: int = 0


async def _client(url: str, images: list[bytes], journal: Journal, stop: asyncio.Event) -> None:
    chance = random.Random()
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers={"X-User-ID": "device-1"}, timeout=30) as http:
        while not stop.is_set():
            photo = chance.choice(images)
            image = chance.choice([photo, with_comment(photo, str(chance.randrange(10)))])
            names = chance.choice([{"image_hash": sha256_hex(image)}, {"content_hash": content_hash(image)}])
            try:
                response = await _ask(http, chance, image, names, images)
            except httpx.TransportError:
                journal.failed += 1
                await asyncio.sleep(0.02)
                continue
            if response.status_code == 200:
                journal.answered += _ids_of_answers(response.json())
            else:
                journal.failed += 1
                await asyncio.sleep(0.02)


async def _ask(
    http: httpx.AsyncClient, chance: random.Random, image: bytes, names: Any, images: list[bytes]
) -> httpx.Response:
    """Make one of the four calls of an app."""
    kind = chance.random()
    if kind < 0.1:
        return await http.post("/classify", files={"image": image})
    if kind < 0.2:
        files = [("images", one) for one in (image, *chance.sample(images, 4))]
        return await http.post("/classify/batch", files=files)
    if kind < 0.4:
        items = [names, *({"image_hash": sha256_hex(one)} for one in images)]
        return await http.post("/classify/check-cache/batch", json={"items": items})
    return await http.post("/classify/check-cache", json=names)


def _ids_of_answers(body: dict[str, Any]) -> list[str]:
    """Return the ids of the answers in the body of a 200; those of a batch are its photos'."""
    return [one["request_id"] for one in body.get("results", [body]) if "data" in one]


async def load(url: str, disturb: Callable[[], None], journal: Journal, seconds: float) -> None:
    """Ask until `disturb` has returned and so many seconds more. It begins after 200 answers."""
    images, stop = [make_image() for _ in range(PHOTOS)], asyncio.Event()
    clients = [asyncio.create_task(_client(url, images, journal, stop)) for _ in range(_CLIENTS)]
    async with asyncio.timeout(60):
        while len(journal.answered) < _ANSWERS_BEFORE:
            await asyncio.sleep(0.01)
    await asyncio.to_thread(disturb)
    await asyncio.sleep(seconds)
    stop.set()
    await asyncio.gather(*clients)


def spooled_bytes(folder: Path) -> int:
    """Return how much waits in the spool files of a service that runs in this folder."""
    return sum(path.stat().st_size for path in (folder / "data/spool").glob("*.spool"))
