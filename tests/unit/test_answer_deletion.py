"""A transaction that was counted wrongly is tried again, a few times."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from app.database import ConstraintError, Database, Sql, Statement
from app.repositories.answer_deletion import commit_counted

STATEMENTS: list[Statement] = [(Sql.same("SELECT 1"), {})]


@dataclass
class _Outrun:
    """A database in which others are quicker, so many times."""

    times: int
    done: list[Sequence[Statement]] = field(default_factory=list)

    async def commit(self, statements: Sequence[Statement]) -> None:
        if self.times:
            self.times -= 1
            raise ConstraintError
        self.done.append(statements)


async def test_where_others_were_quicker_all_is_done_again_once() -> None:
    database = _Outrun(times=2)

    await commit_counted(cast(Database, database), STATEMENTS)

    assert database.done == [STATEMENTS]


async def test_where_others_are_quicker_each_time_it_is_said() -> None:
    with pytest.raises(ConstraintError):
        await commit_counted(cast(Database, _Outrun(times=1000)), STATEMENTS)
