"""A service's tables on two databases that are split by hash, and a third for what is not: real ones, on one server."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from app.config import Settings
from app.database import Database, Sql
from app.drivers.build import open_database
from app.repositories.cache_repository import CacheRepository
from app.repositories.lease_repository import LeaseRepository
from app.repositories.near_repository import NearRepository
from app.repositories.nonce_repository import NonceRepository
from app.repositories.record_repository import RecordRepository
from app.repositories.refusal_repository import RefusalRepository
from app.storage import Storage, storage_on
from tests.conftest import TABLES, TEST_DATABASE, make_settings, schema_of
from tests.support.mysql_server import MySQLServer
from tests.support.sharding import Shard, ShardedRecords, Shards, shard_of
from tests.support.unreliable_database import UnreliableDatabase

SHARDS = 2
NAMES = [f"{TEST_DATABASE}_{place}" for place in ("first", "second", "unsharded")]
KEYS = {
    "image_classification_cache": "image_hash",
    "request_log": "image_hash",
    "model_call": "image_hash",
    "image_alias": "name",
    "image_fingerprint": "image_hash",
    "classification_refusal": "image_hash",
    "lease": "name",
}
"""The shard key of each table that the hot path writes."""


@dataclass(frozen=True)
class Spread:
    """The tables in several databases, and what is in none of the shards."""

    lines: Sequence[UnreliableDatabase]
    """By which each shard is reached."""

    shards: Sequence[Shard]
    unsharded: Database

    def storage(self, settings: Settings) -> Storage:
        """Return what speaks SQL: on the shards as far as it is of the hot path, all else on a database of its own."""
        router = Shards(self.shards)
        return replace(
            storage_on(self.unsharded, settings),
            cache=CacheRepository(router, settings.local_from),
            near=NearRepository(router),
            records=cast(RecordRepository, ShardedRecords(self.shards)),
            refusals=RefusalRepository(router),
            leases=LeaseRepository(router),
            nonces=NonceRepository(router),
        )

    async def read(self, sql: str) -> list[list[Any]]:
        """Return what each shard says."""
        return [await line.inner.fetch_all(Sql.same(sql), {}) for line in self.lines]

    async def total(self, sql: str) -> int:
        """Return the sum of what the shards say."""
        return sum(int(value or 0) for ((value,),) in await self.read(sql))

    async def check_places(self) -> None:
        """Fail where a row is in another shard than that of its key, or a table in one shard alone."""
        for table, column in KEYS.items():
            for place, rows in enumerate(await self.read(f"SELECT {column} FROM {table}")):
                strays = [key for (key,) in rows if shard_of(key, SHARDS) != place]
                assert strays == [], f"{table} of shard {place}"


@pytest.fixture(scope="module")
def shard_settings(mysql_server: MySQLServer) -> Iterator[list[dict[str, Any]]]:
    for name in NAMES:
        mysql_server.query(schema_of(name))
    yield [mysql_server.settings(name) for name in NAMES]
    for name in NAMES:
        mysql_server.query(f"DROP DATABASE {name}")


@pytest.fixture
async def spread(shard_settings: list[dict[str, Any]], mysql_server: MySQLServer) -> AsyncIterator[Spread]:
    as_new = "INSERT INTO stats_state (id, built_at) VALUES (1, UTC_TIMESTAMP())"
    for name in NAMES:
        mysql_server.query("; ".join([*(f"DELETE FROM {table}" for table in TABLES), as_new]), name)
    async with AsyncExitStack() as stack:
        opened = []
        for settings in shard_settings:
            database = await open_database(make_settings(**settings))
            stack.push_async_callback(database.close)
            opened.append(database)
        lines = [UnreliableDatabase(database) for database in opened[:SHARDS]]
        shards = [Shard(line, place, SHARDS) for place, line in enumerate(lines)]
        yield Spread(lines, shards, opened[SHARDS])
