"""What is written together: the rows of one batch of outcomes, as plain values that a file can hold too."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from app.database import to_sql_time
from app.models.domain import Failure, Outcome
from app.repositories.name_rows import alias_rows, fingerprint_row, pick_aliases, trial_row
from app.repositories.row_types import JsonRow

_FIRST_KINDS = ("results", "hits", "records")
_LATER_KINDS = ("calls", "refusals", "aliases", "fingerprints", "sizes", "trials")
"""Kinds that a line of an older version may be without."""

_SECOND = timedelta(seconds=1)

KINDS_OF_ROWS = (*_FIRST_KINDS, *_LATER_KINDS)


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """The rows of some outcomes: new results, hits summed by answer, request records, paid questions, refusals, other
    names of answers, what their photos look like, sizes of photos that were paid for before, near matches tried.

    A writer numbers its batches upwards; writer and number together say whether a batch has been written.
    """

    writer: str
    number: int
    results: list[JsonRow]
    hits: list[JsonRow]
    records: list[JsonRow]
    calls: list[JsonRow]
    refusals: list[JsonRow]
    aliases: list[JsonRow]
    fingerprints: list[JsonRow]
    sizes: list[JsonRow]
    trials: list[JsonRow]
    is_late: bool = field(default=False, compare=False)
    """Whether it comes from a spool: something may have happened since."""

    @classmethod
    def of(cls, writer: str, number: int, outcomes: Sequence[Outcome | Failure]) -> Self:
        """Return the batch of these outcomes."""
        answers = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
        timed = list(_timed(answers))
        named = [(outcome, outcome.naming) for outcome in answers if outcome.naming is not None]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Failure) and outcome.refused_until]
        return cls(
            writer,
            number,
            results=[_result_row(outcome, moment) for outcome, moment in timed if outcome.is_kept],
            hits=sum_hits((outcome.answer_hash, 1, moment) for outcome, moment in timed if outcome.reply is None),
            records=[_record_row(outcome, moment) for outcome, moment in timed if outcome.logged],
            calls=[row for outcome in outcomes if outcome.calls for row in _call_rows(outcome)],
            refusals=[row for failure in refused for row in _refusal_rows(failure)],
            aliases=pick_aliases(row for outcome, _ in named for row in alias_rows(outcome)),
            fingerprints=[fingerprint_row(outcome) for outcome, naming in named if naming.fingerprint is not None],
            sizes=[(naming.image_hash, naming.image_size) for _, naming in named if naming.image_size is not None],
            trials=[trial_row(outcome) for outcome in answers if outcome.trial is not None],
        )

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the batch that `to_json` wrote, in this version or one that had fewer kinds of rows, or shorter ones.

        Raises ValueError, KeyError or TypeError if it is none.
        """
        values = {**dict.fromkeys(_LATER_KINDS, ()), **json.loads(text)}
        rows = {name: [tuple(row) for row in values[name]] for name in KINDS_OF_ROWS}
        return cls(values["writer"], values["number"], **rows, is_late=True)

    def to_json(self) -> bytes:
        """Return the batch as one line of ASCII."""
        values = {"writer": self.writer, "number": self.number, **self._by_kind()}
        return json.dumps(values, separators=(",", ":")).encode("ascii")

    def concerns(self, outcome: Outcome | Failure) -> bool:
        """Whether some row is there because of this outcome. Names and trials do not count: it stands without them."""
        if any(row[1] == outcome.request_id for row in self.calls):
            return True
        if isinstance(outcome, Failure):
            return any(row[0] in (outcome.image_hash, *outcome.other_names) for row in self.refusals)
        if outcome.logged and any(row[0] == outcome.request_id for row in self.records):
            return True
        if outcome.from_cache:
            return any(row[0] == outcome.answer_hash for row in self.hits)
        return outcome.is_kept and any(row[0] == outcome.image_hash for row in self.results)

    @property
    def rows(self) -> int:
        """How many rows it has, of all kinds."""
        return sum(len(rows) for rows in self._by_kind().values())

    @property
    def answers(self) -> int:
        """How many answers it records; unlogged hits count too."""
        return len(self.results) + sum(int(hits) for _, hits, _ in self.hits)

    def _by_kind(self) -> dict[str, list[JsonRow]]:
        return {kind: getattr(self, kind) for kind in KINDS_OF_ROWS}


def sum_hits(rows: Iterable[JsonRow]) -> list[JsonRow]:
    """Return one row an answer: a popular image is one update a batch, not one a request."""
    sums: dict[str, JsonRow] = {}
    for row in rows:
        image_hash, hits, last_hit_at = row
        known = sums.get(image_hash)
        sums[image_hash] = row if known is None else (image_hash, known[1] + hits, max(known[2], last_hit_at))
    return list(sums.values())


def _timed(outcomes: Iterable[Outcome]) -> Iterator[tuple[Outcome, str]]:
    """Yield each outcome with its time as it is stored. Most of a batch are of one second, which is written once."""
    second = after = datetime.min.replace(tzinfo=UTC)
    text = ""
    for outcome in outcomes:
        if not second <= outcome.created_at < after:
            second = outcome.created_at.replace(microsecond=0)
            after = second + _SECOND
            text = to_sql_time(second)
        yield outcome, text


def _result_row(outcome: Outcome, moment: str) -> JsonRow:
    reply = outcome.reply
    assert reply is not None
    answer = reply.classification
    return (
        outcome.image_hash,
        answer.category,
        answer.confidence,
        answer.description,
        reply.model_used,
        {"category": answer.category, "confidence": answer.confidence, "description": answer.description},
        reply.prompt_version,
        reply.usage.input_tokens,
        reply.usage.output_tokens,
        reply.usage.cached_tokens,
        moment,
        outcome.image_size,
    )


def _record_row(outcome: Outcome, moment: str) -> JsonRow:
    known = outcome.known
    return (
        outcome.request_id,
        outcome.context.user_id,
        outcome.context.ip_address,
        outcome.image_hash,
        outcome.image_size,
        outcome.classification.category,
        outcome.classification.confidence,
        int(outcome.reply is None),
        outcome.processing_time_ms,
        moment,
        None if known is None else known.matched_by,
        None if known is None or outcome.image_size is not None else known.image_size,
    )


def _call_rows(outcome: Outcome | Failure) -> Iterator[JsonRow]:
    """Yield the rows of the questions to models, the embedded network included."""
    for call in outcome.calls:
        yield (
            outcome.image_hash,
            outcome.request_id,
            call.provider,
            call.model,
            call.prompt_version,
            call.outcome,
            call.usage.input_tokens,
            call.usage.output_tokens,
            call.usage.cached_tokens,
            call.lane,
            None if call.cost is None else str(call.cost),  # a float would be another number
            call.duration_ms,
            to_sql_time(call.started_at),
        )


def _refusal_rows(failure: Failure) -> Iterator[JsonRow]:
    """Yield a row for each name of the image. What the refusal cost is in the first alone, so that sums are right."""
    assert failure.refused_until is not None
    times = to_sql_time(failure.refused_until), to_sql_time(failure.created_at)
    usage = failure.usage
    yield failure.image_hash, *times, usage.input_tokens, usage.output_tokens, usage.cached_tokens
    for name in failure.other_names:
        yield name, *times, 0, 0, 0
