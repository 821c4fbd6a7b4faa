"""The tables of a large deployment: requests, photos, their other names, questions to models."""

import hashlib
import itertools
import json
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.models.domain import Category
from tests.support.mysql_server import MySQLServer

DAYS = 90
USERS = 200_000
CHUNK = 10_000
EXPONENT = 1.1
MODELS = ("gpt-6-luna", "gpt-6-luna", "gpt-6-luna", "claude-haiku-4-5")

Rows = list[list[Any]]


def _insert(table: str, **columns: str) -> str:
    """Return the statement that adds rows, given as JSON, to a table."""
    typed = ", ".join(f"{name} {kind} PATH '$[{place}]'" for place, (name, kind) in enumerate(columns.items()))
    names = ", ".join(columns)
    return f"INSERT INTO {table} ({names}) SELECT * FROM JSON_TABLE(%s, '$[*]' COLUMNS ({typed})) AS new"  # nosec B608  # names from below


INSERT_REQUESTS = _insert(
    "request_log",
    request_id="VARCHAR(64)",
    user_id="VARCHAR(64)",
    ip_address="VARCHAR(45)",
    image_hash="VARCHAR(80)",
    image_size="INT",
    category="VARCHAR(50)",
    confidence="DECIMAL(5,4)",
    from_cache="INT",
    processing_time_ms="INT",
    created_at="DATETIME",
    matched_by="VARCHAR(16)",
    saved_bytes="INT",
)
INSERT_CALLS = _insert(
    "model_call",
    request_id="VARCHAR(64)",
    image_hash="VARCHAR(64)",
    provider="VARCHAR(32)",
    model="VARCHAR(100)",
    prompt_version="VARCHAR(16)",
    outcome="VARCHAR(32)",
    input_tokens="INT",
    output_tokens="INT",
    cached_tokens="INT",
    cost="DECIMAL(20,10)",
    duration_ms="INT",
    created_at="DATETIME",
)
INSERT_IMAGES = _insert(
    "image_classification_cache",
    image_hash="VARCHAR(64)",
    category="VARCHAR(50)",
    confidence="DECIMAL(5,4)",
    model_used="VARCHAR(100)",
    prompt_version="VARCHAR(16)",
    hit_count="INT",
    created_at="DATETIME",
    last_hit_at="DATETIME",
    image_size="INT",
)
INSERT_NAMES = _insert(
    "image_alias", name="VARCHAR(80)", image_hash="VARCHAR(64)", matched_by="VARCHAR(16)", created_at="DATETIME"
)


def image_hash_of(image: int) -> str:
    """Return the hash of a photo, as `bench.loads` knows it too."""
    return hashlib.sha256(b"%d" % image).hexdigest()


def zipf(chance: random.Random, number: int) -> Iterator[int]:
    """Yield numbers below `number`, the first ones often and the last ones seldom."""
    weights = list(itertools.accumulate(1 / (rank + 1) ** EXPONENT for rank in range(number)))
    while True:
        yield from chance.choices(range(number), cum_weights=weights, k=CHUNK)


@dataclass
class Deployment:
    """What has been asked so far, and what is to be written down of it."""

    chance: random.Random
    hits: dict[int, list[Any]] = field(default_factory=dict)
    """By photo: how often it was asked for, first and last."""

    requests: Rows = field(default_factory=list)
    calls: Rows = field(default_factory=list)
    names: Rows = field(default_factory=list)
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    def ask(self, number: int, image: int, user: int, moment: str) -> None:
        """Let a user ask for a photo."""
        chance = self.chance
        request_id, image_hash, size = f"req_{self.run}_{number}", image_hash_of(image), 100_000 + image % 4_000_000
        category, confidence = self.answer_of(image)
        known = self.hits.get(image)
        if known is None:
            self.hits[image] = [1, moment, moment]
            took_ms = int(chance.lognormvariate(7.2, 0.4))
            self._pay(request_id, image_hash, took_ms, moment)
            matched_by, name, by_name = None, image_hash, False
        else:
            known[0], known[2] = known[0] + 1, moment
            took_ms, by_name = chance.randrange(1, 20), chance.random() < 0.8
            matched_by, name = self._name_of(image, image_hash, known[0], moment)
        self.requests.append(
            [
                request_id,
                f"user-{user}" if chance.random() < 0.9 else None,
                f"10.{user % 200}.{user // 200 % 250}.{chance.randrange(4)}",
                name,
                None if by_name else size,
                category,
                confidence,
                int(known is not None),
                took_ms,
                moment,
                matched_by,
                size if by_name else None,
            ]
        )

    def answer_of(self, image: int) -> tuple[Category, float]:
        """Return the category and the confidence of a photo."""
        categories = list(Category)
        return categories[image % len(categories)], round(0.5 + image % 5000 / 10_000, 4)

    def _name_of(self, image: int, image_hash: str, hits: int, moment: str) -> tuple[str, str]:
        """Return by which name a known photo is asked for. Every fifth has a second name from its second hit on."""
        if image % 5:
            return "bytes", image_hash
        name = "c1:" + hashlib.sha256(b"c%d" % image).hexdigest()
        if hits == 2:
            self.names.append([name, image_hash, "content", moment])
        return "content", name

    def _pay(self, request_id: str, image_hash: str, took_ms: int, moment: str) -> None:
        chance = self.chance
        model, tokens = chance.choice(MODELS), chance.randrange(400, 600)
        provider = "claude" if model.startswith("claude") else "openai"
        call = [request_id, image_hash, provider, model, "1"]
        if chance.random() < 0.01:
            self.calls.append([*call, "timeout", 0, 0, 0, 0, 30_000, moment])
        self.calls.append([*call, "answered", tokens, 50, 0, f"{tokens * 25 + 10_000}e-8", took_ms, moment])

    def cache_rows(self, start: int, end: int) -> Rows:
        """Return the rows of these photos in the cache."""
        old = (datetime.now(UTC) - timedelta(days=DAYS + 30)).strftime("%Y-%m-%d %H:%M:%S")
        return [
            [
                image_hash_of(image),
                *self.answer_of(image),
                "gpt-6-luna",
                "1",
                *self.hits.get(image, [1, old, old]),
                100_000 + image % 4_000_000,
            ]
            for image in range(start, end)
        ]


def fill(
    server: MySQLServer, database: str, *, rows: int, images: int, seed: int = 1, say: Callable[[str], None] = print
) -> None:
    """Fill a database that has our tables and nothing in them, as processes of a version before the sums did.

    Users and photos are asked for as in life (Zipf): few of them often, most of them seldom. A photo is paid for at its
    first request; photos that no request is on record of any more are in the cache too.
    """
    deployment = Deployment(random.Random(seed))  # nosec B311  # not for secrets
    photos, users = (zipf(deployment.chance, number) for number in (images, USERS))
    began, step = datetime.now(UTC) - timedelta(days=DAYS), timedelta(days=DAYS) / rows
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE stats_state SET built_at = NULL")
        for number in range(rows):
            deployment.ask(number, next(photos), next(users), f"{began + (number + 1) * step:%Y-%m-%d %H:%M:%S}")
            if len(deployment.requests) == CHUNK or number + 1 == rows:
                for sql, made in (
                    (INSERT_REQUESTS, deployment.requests),
                    (INSERT_CALLS, deployment.calls),
                    (INSERT_NAMES, deployment.names),
                ):
                    cursor.execute(sql, [json.dumps(made)])
                    made.clear()
                say(f"{number + 1} requests")
        for start in range(0, images, CHUNK):
            end = min(start + CHUNK, images)
            cursor.execute(INSERT_IMAGES, [json.dumps(deployment.cache_rows(start, end))])
            say(f"{end} photos")
