"""Deleting answers so that the statistics follow. SQL only."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.database import ConstraintError, Database, Params, Sql, Statement

_DELETE = Sql(
    mysql="DELETE gone {chosen}",
    sqlite="DELETE FROM image_classification_cache WHERE id IN (SELECT gone.id {chosen})",
)

# Before the rows are deleted; locked, they are those that are.
LEAVE_DELETED = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls, images, cache_hits)
SELECT '[]', '[]', -COUNT(*), -COALESCE(SUM(chosen.hit_count), 0)
FROM (SELECT DISTINCT gone.id, gone.hit_count {chosen} FOR UPDATE OF gone) AS chosen
""",
    sqlite="""
INSERT INTO stats_outbox (records, calls, images, cache_hits)
SELECT '[]', '[]', -COUNT(*), -COALESCE(SUM(hit_count), 0)
FROM image_classification_cache WHERE id IN (SELECT gone.id {chosen})
""",
)

# After: what another transaction has brought meanwhile was not there to be locked. SQLite has one writer.
_EXPECT_DELETED = Sql(
    mysql="""
INSERT INTO stats_outbox (records, calls)
SELECT NULL, '[]' FROM stats_outbox WHERE id = LAST_INSERT_ID() AND -images <> ROW_COUNT()
""",
    sqlite="SELECT 1",
)


_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class AnswerDeletion:
    """Deletes the answers of one condition, which what counts them and what deletes them have in common."""

    leave: Sql
    delete: Sql

    @classmethod
    def of(cls, chosen: Sql, leave: Sql = LEAVE_DELETED) -> "AnswerDeletion":
        """Return what deletes the rows of `chosen`, a statement from its FROM on that calls them `gone`.

        `leave` says what is left in the outbox, with `{chosen}` in place of the condition.
        """
        return cls(_fill(leave, chosen), _fill(_DELETE, chosen))

    def statements(self, params: Params, *, counted: bool = True) -> list[Statement]:
        """Return what takes the rows out of the statistics, and deletes them; `counted=False`: only the latter.

        They fail with `ConstraintError` where others have brought rows meanwhile: the transaction is to be tried again.
        """
        if not counted:
            return [(self.delete, params)]
        return [(self.leave, params), (self.delete, params), (_EXPECT_DELETED, {})]


async def commit_counted(database: Database, statements: Sequence[Statement]) -> None:
    """Run writes with an `AnswerDeletion` as one transaction, again where others were quicker.

    Raises `DatabaseUnavailable`; and `ConstraintError` where others are quicker each time.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(ConstraintError):
            return await database.commit(statements)
    await database.commit(statements)


def _fill(frame: Sql, chosen: Sql) -> Sql:
    return Sql(
        mysql=frame.mysql.replace("{chosen}", chosen.mysql.strip()),
        sqlite=frame.sqlite.replace("{chosen}", chosen.sqlite.strip()),
    )
