"""By which key each statement of the hot path finds its shard. docs/scale.md has the same table, for people."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from operator import attrgetter

from app.database import Params, Sql
from app.repositories import cache_repository

ONE = "one key"
EACH = "each name by itself"
ROWS = "the rows of one shard"
ALONG = "with its transaction"
ALL = "all shards"

ANSWERS = cache_repository._SELECT_ANSWERS


@dataclass(frozen=True, slots=True)
class Route:
    """How a statement finds its shard: by keys in one of its parameters, or without any."""

    kind: str
    column: str = ""
    """The shard key of the table."""

    param: str = ""
    place: int = 0
    """Of the key in each of the rows."""

    def keys(self, params: Params) -> list[str]:
        """Return the shard keys that a statement is about."""
        if self.kind in (ALONG, ALL):
            return []
        value = params[self.param]
        if self.kind == ONE:
            return [str(value)]
        values = list(value) if isinstance(value, tuple) else json.loads(str(value))
        return [one if isinstance(one, str) else one[self.place] for one in values]


_BY_IMAGE = Route(ROWS, "image_hash", "rows", 0)
_BY_NAME = Route(ROWS, "name", "rows", 0)

ROUTES: dict[str, Route] = {
    # look-ups
    "cache_repository._SELECT_ANSWERS": Route(EACH, "image_hash, name", "names"),
    "refusal_repository._SELECT_REFUSED": Route(EACH, "image_hash", "names"),
    "near_repository._SELECT_NEAR": Route(ALL),
    # who asks a model
    "lease_repository._CLAIM": Route(ONE, "name", "name"),
    "lease_repository._MARK": Route(EACH, "name", "names"),
    "lease_repository._RELEASE": Route(EACH, "name", "names"),
    "lease_repository._SELECT_HELD": Route(EACH, "name", "names"),
    # signatures
    "nonce_repository._INSERT_NONCE": Route(ONE, "nonce", "nonce"),
    "nonce_repository._SELECT_USER": Route(ONE, "nonce", "nonce"),
    # a batch of records: what is keyed by the photo that was paid for
    "record_statements.REPLACED.leave": _BY_IMAGE,
    "record_statements.REPLACED.delete": _BY_IMAGE,
    "record_statements.INSERT_RESULTS": _BY_IMAGE,
    "record_statements.ADD_HITS": _BY_IMAGE,
    "record_statements.ADD_EQUAL_HITS": Route(ROWS, "image_hash", "names"),
    "record_statements.INSERT_CALLS": _BY_IMAGE,
    "change_statements.FORGOTTEN.leave": _BY_IMAGE,
    "change_statements.FORGOTTEN.delete": _BY_IMAGE,
    "name_statements.INSERT_FINGERPRINTS": _BY_IMAGE,
    "name_statements.INSERT_SLOTS": _BY_IMAGE,
    "name_statements.INSERT_TRIALS": Route(ROWS, "image_hash", "rows", 1),
    "record_repository._SELECT_ANSWERS": Route(ROWS, "image_hash", "names"),
    # by the name that was asked for, or that is added
    "record_statements.INSERT_RECORDS": Route(ROWS, "image_hash", "rows", 3),
    "record_statements.UPSERT_REFUSALS": _BY_IMAGE,
    "name_statements.UPSERT_ALIASES": _BY_NAME,
    "change_statements.JOIN_CORRECTED": _BY_NAME,
    "change_statements.JOINED.leave": _BY_NAME,
    "change_statements.JOINED.delete": _BY_NAME,
    "change_statements.MOVE_TO_CORRECTED": _BY_NAME,
    # the ledger, the outbox, and what is about rows that were just written
    "record_statements.ADVANCE_WRITER": Route(ALONG),
    "record_repository._SELECT_WRITTEN": Route(ALONG),
    "record_repository._SELECT_RECORDS": Route(ALONG),
    "answer_deletion._EXPECT_DELETED": Route(ALONG),
    "outbox_statements.LEAVE_RESULTS": Route(ALONG),
    "outbox_statements.EXPECT_ROWS": Route(ALONG),
    "outbox_statements.LEAVE_RECORDS": Route(ALONG),
    "outbox_statements.LEAVE_OTHERS": Route(ALONG),
    "erasure_statements.ERASE_LATE.leave": Route(ALONG),
    "erasure_statements.ERASE_LATE.erase": Route(ALONG),
    "erasure_statements._EXPECT_ERASED": Route(ALONG),
}

KEY_PLACES = {
    "results": 0,
    "hits": 0,
    "records": 3,
    "calls": 0,
    "refusals": 0,
    "aliases": 0,
    "fingerprints": 0,
    "sizes": 0,
    "trials": 1,
}
"""Where the rows of a batch have their shard key."""


def route_of(sql: Sql) -> Route | None:
    """Return how a statement of the hot path finds its shard; None for any other."""
    name = _names().get(sql)
    return None if name is None else ROUTES[name]


@cache
def _names() -> dict[Sql, str]:
    return {statement_of(name): name for name in ROUTES}


def statement_of(name: str) -> Sql:
    """Return the statement that the table calls so."""
    module, path = name.split(".", 1)
    found: Sql = attrgetter(path)(import_module(f"app.repositories.{module}"))
    return found


def render_table() -> str:
    """Return the table for docs/scale.md."""
    rows = (f"| `{name}` | {route.kind} | {route.column or '-'} |\n" for name, route in ROUTES.items())
    return "| statement | where it goes | shard key |\n| --- | --- | --- |\n" + "".join(rows)


if __name__ == "__main__":
    print(render_table(), end="")  # noqa: T201
