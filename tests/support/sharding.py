"""Tables that are spread over several databases by the hash of a name, as docs/scale.md describes it: for the proof
that no statement of the hot path needs two of them.

`Shards` is a `Database` that looks at the shard key of each statement. It refuses statements that it does not know, and
a transaction whose keys are not all in one shard. `ShardedRecords` writes batches of many photos, each shard's part in
a transaction of its own.
"""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.database import Database, DatabaseNode, Fetch, Load, Params, Row, Sql, Statement
from app.repositories.record_batch import KINDS_OF_ROWS, RecordBatch
from app.repositories.record_repository import RecordRepository
from tests.support.shard_keys import ALL, ANSWERS, EACH, KEY_PLACES, Route, route_of

T = TypeVar("T")

_SELECT_ALIASES = Sql(mysql="SELECT name, image_hash, matched_by FROM image_alias WHERE name IN :names", sqlite="")


class CrossesShards(Exception):
    """A statement or transaction that needs two shards, or of which nobody knows which it needs."""


def shard_of(key: str, shards: int) -> int:
    """Return the place of the shard that a key is in."""
    return zlib.crc32(key.encode()) % shards


def part_of(batch: RecordBatch, shard: int, shards: int) -> RecordBatch:
    """Return the rows of a batch that belong into a shard, under the batch's own writer and number."""
    rows: dict[str, Any] = {
        kind: [row for row in getattr(batch, kind) if shard_of(row[KEY_PLACES[kind]], shards) == shard]
        for kind in KINDS_OF_ROWS
    }
    return replace(batch, **rows)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of the databases. It refuses keys that are another's."""

    database: Database
    place: int
    shards: int

    @property
    def load(self) -> Load:
        return self.database.load

    @property
    def nodes(self) -> Sequence[DatabaseNode]:
        return ()

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        self._check([(sql, params)])
        return await self.database.fetch_all(sql, params, timeout_seconds=timeout_seconds)

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        return await self.database.read_snapshot(work, timeout_seconds=timeout_seconds)

    async def commit(self, statements: Sequence[Statement]) -> None:
        self._check(statements)
        await self.database.commit(statements)

    async def rehearse(self, statements: Sequence[Statement]) -> None:
        self._check(statements)
        await self.database.rehearse(statements)

    async def execute(self, sql: Sql, params: Params) -> int:
        self._check([(sql, params)])
        return await self.database.execute(sql, params)

    async def check(self) -> None:
        await self.database.check()

    async def close(self) -> None:
        await self.database.close()

    def _check(self, statements: Sequence[Statement]) -> None:
        for sql, params in statements:
            foreign = [key for key in _known(sql).keys(params) if shard_of(key, self.shards) != self.place]
            if foreign:
                raise CrossesShards(f"{foreign} in {sql.mysql}")


@dataclass(frozen=True, slots=True)
class Shards:
    """All of the databases as one. A statement about several names is one for each shard that has some of them."""

    shards: Sequence[Shard]

    @property
    def load(self) -> Load:
        loads = [shard.load for shard in self.shards]
        return Load(*(sum(values) for values in zip(*((x.in_use, x.waiting, x.limit) for x in loads), strict=True)))

    @property
    def nodes(self) -> Sequence[DatabaseNode]:
        return ()

    async def fetch_all(self, sql: Sql, params: Params, *, timeout_seconds: float | None = None) -> list[Row]:
        if sql == ANSWERS:
            return [(json.dumps(await self._answers(params, timeout_seconds)),)]
        parts = self._split(sql, params)
        return [row for rows in await self._read(sql, parts, timeout_seconds) for row in rows]

    async def read_snapshot(self, work: Callable[[Fetch], Awaitable[T]], *, timeout_seconds: float) -> T:
        raise CrossesShards("there is no snapshot of all shards")

    async def commit(self, statements: Sequence[Statement]) -> None:
        await self._only(statements).commit(statements)

    async def rehearse(self, statements: Sequence[Statement]) -> None:
        await self._only(statements).rehearse(statements)

    async def execute(self, sql: Sql, params: Params) -> int:
        parts = self._split(sql, params)
        return sum(await asyncio.gather(*(self.shards[place].execute(sql, part) for place, part in parts.items())))

    async def check(self) -> None:
        await asyncio.gather(*(shard.check() for shard in self.shards))

    async def close(self) -> None:
        for shard in self.shards:
            await shard.close()

    async def _answers(self, params: Params, timeout_seconds: float | None) -> dict[str, list[Any]]:
        """Look names up where they are: as the key of an answer, or as another name of one that is elsewhere.

        The join of the statement reaches no further than its shard. The way from the name to the answer's own shard is
        a second statement and a third, which a distributed database would make of the join by itself.
        """
        found = await self._own_answers(params, timeout_seconds)
        missing = tuple(sorted({name for name in json.loads(str(params["names"])) if name not in found}))
        aliases = await self._read(_SELECT_ALIASES, self._grouped(missing, "names", {}), timeout_seconds)
        targets = {name: (image_hash, kind) for rows in aliases for name, image_hash, kind in rows}
        wanted = sorted({image_hash for image_hash, _ in targets.values()})
        answers = await self._own_answers({**params, "names": json.dumps(wanted)}, timeout_seconds)
        for name, (image_hash, kind) in targets.items():
            if image_hash in answers:
                category, confidence, description, image_size = answers[image_hash][:4]
                description = None if kind == "near" else description
                found[name] = [category, confidence, description, image_size, kind, image_hash]
        return found

    async def _own_answers(self, params: Params, timeout_seconds: float | None) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for rows in await self._read(ANSWERS, self._split(ANSWERS, params), timeout_seconds):
            found.update(json.loads(rows[0][0] or "{}"))
        return found

    async def _read(self, sql: Sql, parts: Mapping[int, Params], timeout_seconds: float | None) -> list[list[Row]]:
        reads = (
            self.shards[place].fetch_all(sql, part, timeout_seconds=timeout_seconds) for place, part in parts.items()
        )
        return await asyncio.gather(*reads)

    def _split(self, sql: Sql, params: Params) -> dict[int, Params]:
        """Return what each shard is asked. Of one that is asked about none of its names nothing is wanted."""
        route = _known(sql)
        if route.kind == ALL:
            return dict.fromkeys(range(len(self.shards)), params)
        if route.kind == EACH:
            return self._grouped(route.keys(params), route.param, params)
        place = self._only([(sql, params)]).place
        return {place: params}

    def _grouped(self, names: Iterable[str], param: str, params: Params) -> dict[int, Params]:
        groups: dict[int, list[str]] = {}
        for name in names:
            groups.setdefault(shard_of(name, len(self.shards)), []).append(name)
        is_json = bool(params)
        return {
            place: {**params, param: json.dumps(group) if is_json else tuple(group)} for place, group in groups.items()
        }

    def _only(self, statements: Sequence[Statement]) -> Shard:
        """Return the one shard that all keys of these statements are in."""
        keys = [key for sql, params in statements for key in _known(sql).keys(params)]
        places = {shard_of(key, len(self.shards)) for key in keys}
        if len(places) != 1:
            raise CrossesShards(f"the shards {sorted(places)}: {[sql.mysql for sql, _ in statements]}")
        return self.shards[places.pop()]


@dataclass(frozen=True, slots=True)
class ShardedRecords:
    """Writes batches: each shard's part in one transaction, with the batch's number in that shard's own ledger."""

    shards: Sequence[Shard]

    async def write(self, batches: Sequence[RecordBatch]) -> None:
        """Write batches in every shard that they have rows for. Raises what the repository of any of them raises.

        Some may have been written then and others not: to repeat it is as safe as it is with one database.
        """
        await self._each(batches, lambda repository, parts: repository.write(parts))

    async def rehearse(self, batch: RecordBatch) -> None:
        """Write a batch in every shard and roll it back."""
        await self._each([batch], lambda repository, parts: repository.rehearse(parts[0]))

    async def _each(
        self, batches: Sequence[RecordBatch], do: Callable[[RecordRepository, list[RecordBatch]], Awaitable[None]]
    ) -> None:
        work = []
        for shard in self.shards:
            parts = [part_of(batch, shard.place, shard.shards) for batch in batches]
            if parts := [part for part in parts if part.rows]:
                work.append(do(RecordRepository(shard), parts))
        # All of them end before anything is said: the caller repeats them one after the other.
        results = await asyncio.gather(*work, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


def _known(sql: Sql) -> Route:
    if sql == _SELECT_ALIASES:
        return Route(EACH, "name", "names")
    route = route_of(sql)
    if route is None:
        raise CrossesShards(f"nobody knows where this belongs: {sql.mysql}")
    return route
