"""What a busy service has on record, for pictures of the dashboard: a log of 90 days, its sums many times as large."""

import json
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from app.storage import open_storage
from tests.conftest import make_settings
from tests.support.large_deployment import fill, image_hash_of
from tests.support.mysql_server import MySQLServer
from tests.support.records import rebuild

ROWS, PHOTOS = 9_000, 4_000
TIMES = 500
_SUMS = {
    "stats_request": ("requests", "processing_ms", "timed", "uploaded_bytes", "not_uploaded", "saved_bytes"),
    "stats_category": ("requests", "confidence"),
    "stats_latency": ("requests",),
    "stats_minute": ("requests",),
    "stats_minute_call": ("calls", "cost"),
    "stats_call": ("calls", "input_tokens", "output_tokens", "cost", "timed", "duration_ms"),
    "stats_user": ("requests", "cache_hits"),
    "image_classification_cache": ("hit_count",),
}
_SHARES = {"bytes": 0.41, "content": 0.13, "question": 0.04, "near": 0.13, "": 0.29}


async def make_busy(server: MySQLServer, database: str, settings: dict[str, Any], zone: str) -> None:
    """Fill an empty database. Its sums say more than its log has: it is to be looked at, not to be counted."""
    fill(server, database, rows=ROWS, images=PHOTOS, say=lambda _: None)
    async with open_storage(make_settings(**settings)) as storage:
        await rebuild(storage.database, zone)
    for table, columns in _SUMS.items():
        larger = ", ".join(f"{column} = {column} * {TIMES}" for column in columns)
        server.query(f"UPDATE {table} SET {larger}", database)
    _recognise_by_looking(server, database)
    _spend(server, database)
    _add_recent(server, database)
    _add_trials(server, database)
    _add_votes(server, database)


def _recognise_by_looking(server: MySQLServer, database: str) -> None:
    """Half of what was recognised without its metadata was re-encoded."""
    halves = ", ".join(f"{column} DIV 2" for column in _SUMS["stats_request"])
    columns = ", ".join(_SUMS["stats_request"])
    of_content = f"SELECT day, 'near', {halves} FROM stats_request WHERE kind = 'content'"  # nosec B608  # names from above
    server.query(f"INSERT INTO stats_request (day, kind, {columns}) {of_content}", database)
    left = ", ".join(f"{column} = {column} - {column} DIV 2" for column in _SUMS["stats_request"])
    server.query(f"UPDATE stats_request SET {left} WHERE kind = 'content'", database)


def _spend(server: MySQLServer, database: str) -> None:
    """A question costs about what COST_PER_API_CALL says, and is in the budgets of its day and month."""
    for table in ("stats_call", "stats_minute_call"):
        server.query(f"UPDATE {table} SET cost = cost * 40", database)  # nosec B608  # one of two names
    for period in ("day", "LEFT(day, 7)"):
        charged = f"SELECT {period}, SUM(cost) FROM stats_call GROUP BY {period}"  # nosec B608  # one of two names
        server.query(f"INSERT INTO budget (period, spent) {charged}", database)


def _add_recent(server: MySQLServer, database: str) -> None:
    """The last quarter of an hour, at about four requests a second."""
    chance, now = random.Random(7), datetime.now(UTC)
    rows = []
    for number in range(-60, 180):  # some of it is yet to come when it is looked at
        moment = now - timedelta(seconds=now.second % 5 + 5 * number)
        level = 20 + 5 * math.sin(number / 19) + chance.uniform(-2, 2)
        rows += [[f"{moment:%Y-%m-%d %H:%M:%S}", kind, round(level * share)] for kind, share in _SHARES.items()]
    server.query("DELETE FROM stats_recent", database)
    _insert(server, database, "stats_recent (moment, kind, requests)", rows)


def _add_trials(server: MySQLServer, database: str) -> None:
    hash_of = image_hash_of(1)
    rows = [
        [f"req_{number}", hash_of, hash_of, 9, "pets", "foods" if number % 170 == 0 else "pets", "2026-01-01"]
        for number in range(1000)
    ]
    columns = "request_id, image_hash, neighbour_hash, distance, near_category, model_category, created_at"
    _insert(server, database, f"near_trial ({columns})", rows)


def _add_votes(server: MySQLServer, database: str) -> None:
    """Photos of which users say something else than was answered, and one that an operator has corrected."""
    said = [("travel_scenery", "foods", 12), ("other", "idcard", 5), ("pets", "single_person", 3)]
    moment = f"{datetime.now(UTC) - timedelta(minutes=9):%Y-%m-%d %H:%M:%S}"
    rows: list[list[Any]] = []
    for photo, (answered, category, votes) in enumerate(said):
        for user in range(votes):
            name = image_hash_of(photo)
            rows.append([f"user-{user}", name, f"req_{photo}_{user}", category, answered, moment, len(rows) + 1])
        answer = (
            f"UPDATE image_classification_cache SET category = '{answered}' WHERE image_hash = '{image_hash_of(photo)}'"
        )
        server.query(answer, database)
    columns = "user_id, image_hash, request_id, category, answered, created_at, number"
    _insert(server, database, f"feedback ({columns})", rows)
    states = [
        json.dumps({"category": category, "confidence": 1, "model_used": "operator"}) for category in ("foods", "pets")
    ]
    entry = ["req_1", "mei", "192.0.2.7", "correct", image_hash_of(3), "a dog, not a plate of food", *states, moment]
    columns = "request_id, key_name, ip_address, action, image_hash, reason, value_before, value_after, created_at"
    _insert(server, database, f"audit ({columns})", [entry])


def _insert(server: MySQLServer, database: str, where: str, rows: list[list[Any]]) -> None:
    places = ", ".join(["%s"] * len(rows[0]))
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {where} VALUES ({places})", rows)  # nosec B608  # names from above
        connection.commit()
