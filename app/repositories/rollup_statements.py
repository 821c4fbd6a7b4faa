"""The statements that add to the rollup tables. SQL only.

Each takes its rows as one JSON text: the columns of the key, then what is to be added to each sum.
"""

from collections.abc import Sequence

from app.database import Sql

_ASCII, _TEXT = "CHARACTER SET ascii COLLATE ascii_bin", "CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
_TYPES = {
    "day": "DATE",
    "kind": f"VARCHAR(16) {_ASCII}",
    "bucket": "INT UNSIGNED",
    "category": f"VARCHAR(50) {_TEXT}",
    "provider": f"VARCHAR(32) {_ASCII}",
    "model": f"VARCHAR(100) {_TEXT}",
    "lane": f"VARCHAR(32) {_ASCII}",
    "outcome": f"VARCHAR(32) {_ASCII}",
    "member": f"VARCHAR(64) {_TEXT}",
    "user_id": f"VARCHAR(64) {_TEXT}",
}
"""MySQL's, of the columns of keys. Sums are BIGINT."""


def _add_to(table: str, key: Sequence[str], sums: Sequence[str]) -> Sql:
    """Return the statement that adds rows to a table, or begins those that are not there."""
    columns = (*key, *sums)
    names = ", ".join(columns)
    typed = ",\n  ".join(f"{name} {_TYPES.get(name, 'BIGINT')} PATH '$[{at}]'" for at, name in enumerate(columns))
    return Sql(
        mysql=f"""
INSERT INTO {table} ({names})
SELECT * FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
  {typed}
)) AS new
ON DUPLICATE KEY UPDATE
  {", ".join(f"{name} = {table}.{name} + new.{name}" for name in sums)}
""",  # noqa: S608  # nosec B608  # names of tables and columns, all of them below
        sqlite=f"""
INSERT INTO {table} ({names})
SELECT {", ".join(f"value ->> {at}" for at in range(len(columns)))} FROM json_each(:rows) WHERE true
ON CONFLICT ({", ".join(key)}) DO UPDATE SET
  {", ".join(f"{name} = {name} + excluded.{name}" for name in sums)}
""",  # noqa: S608  # nosec B608  # as above
    )


ADD_REQUEST = _add_to(
    "stats_request",
    ["day", "kind"],
    ["requests", "processing_ms", "timed", "uploaded_bytes", "not_uploaded", "saved_bytes"],
)
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
ADD_DISTINCT = _add_to("stats_distinct", ["day", "kind"], ["members"])
ADD_USER = _add_to("stats_user", ["user_id"], ["requests", "cache_hits"])

# Fails where the sums have changed since `version` was read: what was worked out from them is out of date.
ADVANCE_VERSION = Sql.same("""
UPDATE stats_state
SET version = CASE WHEN version = :version THEN version + 1 END,
  timezone = :timezone,
  images = images + :images,
  cache_hits = cache_hits + :cache_hits
WHERE id = 1
""")
