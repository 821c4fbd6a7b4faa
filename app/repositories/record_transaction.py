"""The statements of a transaction that writes batches: their rows, and what these change in the statistics."""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from app.database import Params, Sql, Statement
from app.models.domain import EARLIER_LOCAL_MODEL, LOCAL_MODEL, OPERATOR
from app.repositories.categories import CATEGORIES_JSON
from app.repositories.change_statements import FORGOTTEN, JOIN_CORRECTED, JOINED, MOVE_TO_CORRECTED
from app.repositories.erasure_statements import ERASE_LATE
from app.repositories.history_repository import digest_of
from app.repositories.name_rows import pick_aliases
from app.repositories.name_statements import INSERT_FINGERPRINTS, INSERT_SLOTS, INSERT_TRIALS, UPSERT_ALIASES
from app.repositories.outbox_rows import calls_json, records_json
from app.repositories.outbox_statements import (
    EXPECT_ROWS,
    LEAVE_OTHERS,
    LEAVE_RECORDS,
    LEAVE_RESULTS,
)
from app.repositories.record_batch import RecordBatch, sum_hits
from app.repositories.record_statements import (
    ADD_EQUAL_HITS,
    ADD_HITS,
    INSERT_CALLS,
    INSERT_RECORDS,
    INSERT_RESULTS,
    REPLACED,
    UPSERT_REFUSALS,
)
from app.repositories.row_types import JsonRow, as_json

_WHAT_GIVES_WAY = {"local": LOCAL_MODEL, "earlier_local": EARLIER_LOCAL_MODEL, "categories": CATEGORIES_JSON}


def row_statements(batches: Sequence[RecordBatch], pieces: int = 1) -> list[Statement]:
    """Return the statements that write the rows of the batches, each kind of rows in so many pieces.

    They leave in the outbox what they change, and fail where they would change other rows than those of the batches:
    where a record is there already, or an answer that was hit is not.
    """
    hits, sizes = _hits_and_sizes(batches)
    records = [row for batch in batches for row in batch.records]
    calls = [row for batch in batches for row in batch.calls]
    return [
        *_result_statements(batches, pieces),
        *(
            statement
            for rows in _pieces(hits, pieces)
            for statement in (_hits_statement(rows), (EXPECT_ROWS, {"expected": len(rows)}))
        ),
        *_each(ADD_HITS, sizes, pieces),
        *_forgotten_statements(batches, pieces),
        *_each(INSERT_CALLS, calls, pieces),
        *_logged_statements(records, calls, sum(row[1] for row in hits), pieces),
        *_erasing_statements(batches, pieces),
        *_name_statements(batches, pieces),
        *_other_statements(batches, pieces),
    ]


def rehearsed_statements(batch: RecordBatch) -> list[Statement]:
    """Return the statements that write the rows of a batch, whatever of them is there already."""
    hits, sizes = _hits_and_sizes([batch])
    return [
        *((REPLACED.delete, {"rows": as_json(rows), **_WHAT_GIVES_WAY}) for rows in _results([batch], 1)),
        *((INSERT_RESULTS, {"rows": as_json(rows)}) for rows in _results([batch], 1)),
        *_each(ADD_HITS, hits, 1),
        *_each(ADD_HITS, sizes, 1),
        *_forgotten_statements([batch], 1, counted=False),
        *_each(INSERT_CALLS, batch.calls, 1),
        *_each(INSERT_RECORDS, batch.records, 1),
        *_erasing_statements([batch], 1, counted=False),
        *_name_statements([batch], 1, counted=False),
        *_other_statements([batch], 1),
    ]


def _result_statements(batches: Sequence[RecordBatch], pieces: int) -> list[Statement]:
    statements: list[Statement] = []
    for rows in _results(batches, pieces):
        text = as_json(rows)
        statements += [
            *REPLACED.statements({"rows": text, **_WHAT_GIVES_WAY}),
            (INSERT_RESULTS, {"rows": text}),
            (LEAVE_RESULTS, {"answers": len(rows)}),
        ]
    return statements


def _logged_statements(records: Sequence[JsonRow], calls: Sequence[JsonRow], hits: int, pieces: int) -> list[Statement]:
    """Return the statements that write records, and leave what all the rows change that can be counted beforehand."""
    others: Params = {"calls": calls_json(calls), "cache_hits": hits}
    statements: list[Statement] = []
    for rows in _pieces(records, pieces):
        counted: Params = {"expected": len(rows), "records": records_json(rows), **others}
        statements += [(INSERT_RECORDS, {"rows": as_json(rows)}), (LEAVE_RECORDS, counted)]
        others = {"calls": "[]", "cache_hits": 0}
    if not records and (calls or hits):
        statements.append((LEAVE_OTHERS, others))
    return statements


def _forgotten_statements(batches: Sequence[RecordBatch], pieces: int, *, counted: bool = True) -> list[Statement]:
    """Return the statements that delete answers which were deleted before they came, with the hits that came along."""
    rows = [row for batch in batches if batch.is_late for row in batch.results]
    return [
        statement
        for piece in _pieces(rows, pieces)
        for statement in FORGOTTEN.statements({"rows": as_json(piece), "operator": OPERATOR}, counted=counted)
    ]


def _erasing_statements(batches: Sequence[RecordBatch], pieces: int, *, counted: bool = True) -> list[Statement]:
    """Return the statements that take users who were erased before their records came out of these."""
    records = (row for batch in batches if batch.is_late for row in batch.records)
    users: dict[str, JsonRow] = {row[0]: (row[0], digest_of(row[1])) for row in records if row[1] is not None}
    return [
        statement
        for piece in _pieces(list(users.values()), pieces)
        for statement in ERASE_LATE.statements({"rows": as_json(piece)}, counted=counted)
    ]


def _name_statements(batches: Sequence[RecordBatch], pieces: int, *, counted: bool = True) -> list[Statement]:
    """Return the statements that write names, and let answers give way to a corrected one of the same photo."""
    aliases = pick_aliases(row for batch in batches for row in batch.aliases)
    texts = [as_json(piece) for piece in _pieces(aliases, pieces)]
    return [
        *((JOIN_CORRECTED, {"rows": text, "operator": OPERATOR}) for text in texts),
        *(
            statement
            for text in texts
            for statement in JOINED.statements({"rows": text, "operator": OPERATOR}, counted=counted)
        ),
        *((UPSERT_ALIASES, {"rows": text}) for text in texts),
        *((MOVE_TO_CORRECTED, {"rows": text, "operator": OPERATOR}) for text in texts),
    ]


def _other_statements(batches: Sequence[RecordBatch], pieces: int) -> list[Statement]:
    """Return the statements that write rows which no statistic counts."""
    fingerprints = [row for batch in batches for row in batch.fingerprints]
    return [
        *_each(UPSERT_REFUSALS, [row for batch in batches for row in batch.refusals], pieces),
        *_each(INSERT_FINGERPRINTS, fingerprints, pieces),
        *_each(INSERT_SLOTS, fingerprints, pieces),
        *_each(INSERT_TRIALS, [row for batch in batches for row in batch.trials], pieces),
    ]


def _results(batches: Sequence[RecordBatch], pieces: int) -> list[Sequence[JsonRow]]:
    # A model's answer before the network's to the same image, so that it is the network's that gives way.
    return _pieces(sorted((row for batch in batches for row in batch.results), key=_is_local), pieces)


def _hits_and_sizes(batches: Sequence[RecordBatch]) -> tuple[list[JsonRow], list[JsonRow]]:
    """Return a row for each answer that was hit, and one for each other whose size is to be filled in.

    The row has its hits, the time of the last, and the size of its photo if that is to be filled in. Sizes come in
    rows of their own because nobody knows how many of them are filled in already.
    """
    rows = {row[0]: row for row in sum_hits(row for batch in batches for row in batch.hits)}
    sizes: dict[str, JsonRow] = {}
    for image_hash, image_size in (row for batch in batches for row in batch.sizes):
        if image_hash in rows:
            rows[image_hash] = (*rows[image_hash][:3], image_size)
        else:
            sizes[image_hash] = (image_hash, 0, None, image_size)
    return list(rows.values()), list(sizes.values())


def _hits_statement(rows: Sequence[JsonRow]) -> Statement:
    """Return the statement that adds the hits of these rows; the quicker one where all say the same, and no size."""
    said = {tuple(row[1:]) for row in rows}
    if len(said) > 1 or len(rows[0]) > 3:
        return ADD_HITS, {"rows": as_json(rows)}
    ((hits, last_hit_at),) = said
    return ADD_EQUAL_HITS, {"names": tuple(row[0] for row in rows), "hits": hits, "last_hit_at": last_hit_at}


def _each(sql: Sql, rows: Sequence[JsonRow], pieces: int) -> Iterable[Statement]:
    return [(sql, {"rows": as_json(piece)}) for piece in _pieces(rows, pieces)]


def _pieces(rows: Sequence[JsonRow], pieces: int) -> list[Sequence[JsonRow]]:
    """Return the rows, sorted by their key, in so many pieces or fewer; none where there are no rows."""
    rows = sorted(rows, key=itemgetter(0))
    size = max(1, -(-len(rows) // pieces))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _is_local(row: JsonRow) -> tuple[bool, bool]:
    return row[4] == EARLIER_LOCAL_MODEL, row[4] == LOCAL_MODEL
