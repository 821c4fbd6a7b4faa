"""Taking users out of their records so that the statistics follow. SQL only."""

from dataclasses import dataclass

from app.database import Params, Sql, Statement

# Before; locked, these are the rows that are changed then. A record without its category stands for who made the
# request alone: that still counts.
_LEAVE = Sql(
    mysql="""
INSERT INTO stats_outbox (sign, records, calls)
SELECT -1, COALESCE(JSON_ARRAYAGG(JSON_ARRAY(
  CAST(r.created_at AS CHAR), r.user_id, r.ip_address, NULL, NULL, NULL, r.from_cache, NULL, NULL, NULL
)), '[]'), '[]'
FROM {tables}
WHERE {condition}
FOR UPDATE OF r
""",
    sqlite="""
INSERT INTO stats_outbox (sign, records, calls)
SELECT -1, json_group_array(json_array(
  r.created_at, r.user_id, r.ip_address, NULL, NULL, NULL, r.from_cache, NULL, NULL, NULL
)), '[]'
FROM {tables}
WHERE {condition}
""",
)

_ERASE = Sql(
    mysql="UPDATE {tables} SET r.user_id = NULL, r.ip_address = NULL WHERE {condition}",
    sqlite="""
UPDATE request_log SET user_id = NULL, ip_address = NULL
WHERE id IN (SELECT r.id FROM {tables} WHERE {condition})
""",
)

# After: what another transaction has brought meanwhile was not there to be locked. SQLite has one writer.
_EXPECT_ERASED = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls)
SELECT NULL, '[]' FROM stats_outbox WHERE id = LAST_INSERT_ID() AND JSON_LENGTH(records) <> ROW_COUNT()
""",
    sqlite="SELECT 1",
)


@dataclass(frozen=True, slots=True)
class RecordErasure:
    """Takes user and address out of records, which what counts them and what changes them choose alike."""

    leave: Sql
    erase: Sql

    @classmethod
    def of(cls, tables: Sql, condition: str) -> "RecordErasure":
        """Return what erases the rows of request_log, called `r`, of some joined tables, each once."""
        return cls(_fill(_LEAVE, tables, condition), _fill(_ERASE, tables, condition))

    def statements(self, params: Params, *, counted: bool = True) -> list[Statement]:
        """Return what takes users and addresses out of the statistics, and out of the records.

        With `counted=False` only the latter. They fail with `ConstraintError` where others have brought rows meanwhile:
        the transaction is to be tried again.
        """
        if not counted:
            return [(self.erase, params)]
        return [(self.leave, params), (self.erase, params), (_EXPECT_ERASED, {})]


def _fill(frame: Sql, tables: Sql, condition: str) -> Sql:
    return Sql(
        mysql=frame.mysql.replace("{tables}", tables.mysql.strip()).replace("{condition}", condition),
        sqlite=frame.sqlite.replace("{tables}", tables.sqlite.strip()).replace("{condition}", condition),
    )


ERASE_FOUND = RecordErasure.of(
    Sql(
        mysql="""
JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS found
STRAIGHT_JOIN request_log AS r FORCE INDEX (PRIMARY) ON r.id = found.id
""",
        sqlite="json_each(:ids) AS found CROSS JOIN request_log AS r ON r.id = found.value",
    ),
    "r.user_id = :user_id",
)
"""Takes ids of rows."""

# Within the transaction that writes the records: of it and an erasure at the same moment, one sees what the other has
# written.
ERASE_LATE = RecordErasure.of(
    Sql(
        mysql="""
JSON_TABLE(:rows, '$[*]' COLUMNS (
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[0]',
  digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]'
)) AS late
STRAIGHT_JOIN erased_user AS e FORCE INDEX (PRIMARY) ON e.user_digest = late.digest
STRAIGHT_JOIN request_log AS r FORCE INDEX (uk_request_id) ON r.request_id = late.request_id
""",
        sqlite="""
json_each(:rows) AS late
CROSS JOIN erased_user AS e ON e.user_digest = late.value ->> 1
CROSS JOIN request_log AS r ON r.request_id = late.value ->> 0
""",
    ),
    "r.created_at <= e.erased_at AND r.user_id IS NOT NULL",
)
"""Takes request id and digest of the user of each record that comes from a spool."""
