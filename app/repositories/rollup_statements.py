"""The statements that add to the rollup tables. SQL only.

Each takes its rows as one JSON text: the columns of the key, then what is to be added to each sum.
"""

from collections.abc import Sequence

from app.database import Sql

_ASCII, _TEXT = "CHARACTER SET ascii COLLATE ascii_bin", "CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
_TYPES = {
    "day": "DATE",
    "moment": "DATETIME",
    "minute": "DATETIME",
    "kind": f"VARCHAR(16) {_ASCII}",
    "category": f"VARCHAR(50) {_TEXT}",
    "provider": f"VARCHAR(32) {_ASCII}",
    "model": f"VARCHAR(100) {_TEXT}",
    "lane": f"VARCHAR(32) {_ASCII}",
    "outcome": f"VARCHAR(32) {_ASCII}",
    "member": f"VARCHAR(64) {_TEXT}",
    "user_id": f"VARCHAR(64) {_TEXT}",
}
"""MySQL's, of the columns of keys. Buckets and sums are BIGINT."""


_AN_HOUR = Sql(mysql="NOW() - INTERVAL 1 HOUR", sqlite="datetime('now', '-1 hour')")
_THREE_DAYS = Sql(mysql="NOW() - INTERVAL 3 DAY", sqlite="datetime('now', '-3 days')")
"""Until the end of a day of 25 hours, the day before it has begun 50 hours ago."""


def _add_to(table: str, key: Sequence[str], sums: Sequence[str], *, kept: Sql | None = None) -> Sql:
    """Return the statement that adds rows to a table, or begins those that are not there.

    `kept`: rows whose first column is older are left out. What comes late, and what is counted for a rebuild, may be
    older than anybody asks for.
    """
    columns = (*key, *sums)
    names = ", ".join(columns)
    is_kept = Sql.same("true")
    if kept is not None:
        is_kept = Sql(mysql=f"new.{key[0]} >= {kept.mysql}", sqlite=f"value ->> 0 >= {kept.sqlite}")
    typed = ",\n  ".join(f"{name} {_TYPES.get(name, 'BIGINT')} PATH '$[{at}]'" for at, name in enumerate(columns))
    return Sql(
        mysql=f"""
INSERT INTO {table} ({names})
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  {typed}
)) AS new
WHERE {is_kept.mysql}
ON DUPLICATE KEY UPDATE
  {", ".join(f"{name} = {table}.{name} + new.{name}" for name in sums)}
""",  # noqa: S608  # nosec B608  # names of tables and columns, all of them below
        sqlite=f"""
INSERT INTO {table} ({names})
SELECT {", ".join(f"value ->> {at}" for at in range(len(columns)))} FROM json_each(:rows) WHERE {is_kept.sqlite}
ON CONFLICT ({", ".join(key)}) DO UPDATE SET
  {", ".join(f"{name} = {name} + excluded.{name}" for name in sums)}
""",  # noqa: S608  # nosec B608  # as above
    )


def _delete_from(table: str, column: str, kept: Sql) -> Sql:
    """Return the statement that deletes rows of a table that are older; of many, a thousand a time."""
    return Sql(
        mysql=f"DELETE FROM {table} WHERE {column} < {kept.mysql} ORDER BY {column} LIMIT 1000",  # noqa: S608  # nosec B608  # names below
        sqlite=f"DELETE FROM {table} WHERE {column} < {kept.sqlite}",  # noqa: S608  # nosec B608  # as above
    )


ADD_REQUEST = _add_to(
    "stats_request",
    ["day", "kind"],
    ["requests", "processing_ms", "timed", "uploaded_bytes", "not_uploaded", "saved_bytes"],
)
ADD_RECENT = _add_to("stats_recent", ["moment", "kind"], ["requests"], kept=_AN_HOUR)
ADD_MINUTE = _add_to("stats_minute", ["minute", "kind", "bucket"], ["requests"], kept=_THREE_DAYS)
ADD_MINUTE_CALL = _add_to(
    "stats_minute_call",
    ["minute"],
    ["calls", "cost", "unpriced_input_tokens", "unpriced_output_tokens"],
    kept=_THREE_DAYS,
)
DELETE_NO_LONGER_RECENT = _delete_from("stats_recent", "moment", _AN_HOUR)
DELETE_OLD_MINUTES = _delete_from("stats_minute", "minute", _THREE_DAYS)
DELETE_OLD_MINUTE_CALLS = _delete_from("stats_minute_call", "minute", _THREE_DAYS)
ADD_CATEGORY = _add_to("stats_category", ["day", "category"], ["requests", "confidence"])
ADD_LATENCY = _add_to("stats_latency", ["day", "kind", "bucket"], ["requests"])
ADD_CALL = _add_to(
    "stats_call",
    ["day", "provider", "model", "lane", "outcome"],
    [
        *("calls", "input_tokens", "output_tokens", "cached_tokens", "cost"),
        *("unpriced_input_tokens", "unpriced_output_tokens", "timed", "duration_ms"),
    ],
)
ADD_MEMBER = _add_to("stats_member", ["day", "kind", "member"], ["requests"])

# Around ADD_MEMBER, whose rows are of one day and kind: who was not there is one more. MySQL says so afterwards, as it
# counts a row that it inserted once and one that it changed twice; SQLite counts both once, so it is asked before.
COUNT_MEMBERS_TO_COME = Sql(
    mysql="DO 0",
    sqlite="""
INSERT INTO stats_distinct (day, kind, members)
SELECT :day, :kind, COUNT(*) FROM json_each(:rows) AS more
WHERE NOT EXISTS (
  SELECT 1 FROM stats_member AS m
  WHERE m.day = more.value ->> 0 AND m.kind = more.value ->> 1 AND m.member = more.value ->> 2
)
ON CONFLICT (day, kind) DO UPDATE SET members = members + excluded.members
""",
)
COUNT_MEMBERS_THAT_CAME = Sql(
    mysql="""
INSERT INTO stats_distinct (day, kind, members) VALUES (:day, :kind, 2 * :number - ROW_COUNT()) AS new
ON DUPLICATE KEY UPDATE members = stats_distinct.members + new.members
""",
    sqlite="SELECT 1",
)

# Those of whom nothing is left, and then how many they were.
DELETE_EMPTY_MEMBERS = Sql(
    mysql="""
DELETE m
FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  day DATE PATH '$[0]',
  kind VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]',
  member VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[2]'
)) AS less
STRAIGHT_JOIN stats_member AS m ON m.day = less.day AND m.kind = less.kind AND m.member = less.member
WHERE m.requests = 0
""",
    sqlite="""
DELETE FROM stats_member
WHERE requests = 0 AND (day, kind, member) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:rows))
""",
)
COUNT_MEMBERS_THAT_WENT = Sql(
    mysql="UPDATE stats_distinct SET members = members - ROW_COUNT() WHERE day = :day AND kind = :kind",
    sqlite="UPDATE stats_distinct SET members = members - changes() WHERE day = :day AND kind = :kind",
)
ADD_USER = _add_to("stats_user", ["user_id"], ["requests", "cache_hits"])

# Fails where the sums have changed since `version` was read: what was worked out from them is out of date. Where a
# process that knows no minutes has changed them last, minutes have everything from now on only.
ADVANCE_VERSION = Sql.same("""
UPDATE stats_state
SET minutes_since = CASE WHEN minutes_version = :version THEN minutes_since ELSE CURRENT_TIMESTAMP END,
  minutes_version = :version + 1,
  version = CASE WHEN version = :version THEN version + 1 END,
  timezone = :timezone,
  images = images + :images,
  cache_hits = cache_hits + :cache_hits
WHERE id = 1
""")
