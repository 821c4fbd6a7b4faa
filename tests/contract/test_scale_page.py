"""docs/scale.md lists the statements that the test of the shards knows, each with its shard key."""

import re
from pathlib import Path

from app.database import Sql
from tests.support.shard_keys import KEY_PLACES, ROUTES, render_table, statement_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")


def test_the_table_of_statements_is_that_of_the_test() -> None:
    (table,) = re.findall(r"(?<=<!-- statements -->\n).*?(?=<!-- /statements -->)", PAGE, re.DOTALL)

    assert table == render_table()


def test_every_statement_that_is_listed_is_there() -> None:
    assert {type(statement_of(name)) for name in ROUTES} == {Sql}
    assert len({statement_of(name) for name in ROUTES}) == len(ROUTES)


def test_rows_are_split_by_the_key_that_their_statement_has() -> None:
    statements = {"records": "record_statements.INSERT_RECORDS", "trials": "name_statements.INSERT_TRIALS"}

    assert {kind: ROUTES[name].place for kind, name in statements.items()} == {
        kind: KEY_PLACES[kind] for kind in statements
    }


def test_every_table_has_a_shard_key_or_a_place_without_one() -> None:
    schema = (ROOT / "sql/init.sql").read_text(encoding="utf-8")
    tables = set(re.findall(r"CREATE TABLE IF NOT EXISTS `(\w+)`", schema))
    (rows,) = re.findall(r"(?<=\| table \| shard key \|\n).*?(?=\n\n)", PAGE, re.DOTALL)
    named = {word for row in rows.splitlines() for word in re.findall(r"`(\w+\*?)`", row.split("|")[1])}

    of_statistics = {table for table in tables if table.startswith("stats_") and table not in named}
    assert "stats_*" in named
    assert tables - of_statistics == named - {"stats_*"}
