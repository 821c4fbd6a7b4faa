"""What is written together: the rows of one batch of outcomes, as plain values that a file can hold too."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.database import to_sql_time
from app.models.domain import LOCAL_PROVIDER, Failure, Outcome

JsonRow = tuple[Any, ...]
"""Values by place, the key first. The statements of `record_statements` unpack them and name the places."""

KINDS_OF_ROWS = ("results", "hits", "records", "calls", "refusals")


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """The rows of some outcomes: new results, hits summed by image, request records, paid questions, refusals.

    A writer numbers its batches upwards; writer and number together say whether a batch has been written.
    """

    writer: str
    number: int
    results: list[JsonRow]
    hits: list[JsonRow]
    records: list[JsonRow]
    calls: list[JsonRow]
    refusals: list[JsonRow]

    @classmethod
    def of(cls, writer: str, number: int, outcomes: Sequence[Outcome | Failure]) -> Self:
        """Return the batch of these outcomes."""
        answers = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
        failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        return cls(
            writer,
            number,
            results=[_result_row(outcome) for outcome in answers if outcome.reply is not None],
            hits=sum_hits(_hit_row(outcome) for outcome in answers if outcome.from_cache),
            records=[_record_row(outcome) for outcome in answers if outcome.logged],
            calls=[row for outcome in outcomes if outcome.calls for row in _call_rows(outcome)],
            refusals=[_refusal_row(failure) for failure in failures if failure.refused_until is not None],
        )

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the batch that `to_json` wrote, in this version or one from before there were calls and refusals.

        Raises ValueError, KeyError or TypeError if it is none.
        """
        values = {"calls": [], "refusals": [], **json.loads(text)}
        rows = {name: [tuple(row) for row in values[name]] for name in KINDS_OF_ROWS}
        return cls(values["writer"], values["number"], **rows)

    def to_json(self) -> bytes:
        """Return the batch as one line of ASCII."""
        values = {"writer": self.writer, "number": self.number, **self._by_kind()}
        return json.dumps(values, separators=(",", ":")).encode("ascii")

    def concerns(self, outcome: Outcome | Failure) -> bool:
        """Whether some row is there because of this outcome."""
        if any(row[1] == outcome.request_id for row in self.calls):
            return True
        if isinstance(outcome, Failure):
            return any(row[0] == outcome.image_hash for row in self.refusals)
        if outcome.logged and any(row[0] == outcome.request_id for row in self.records):
            return True
        rows = self.hits if outcome.from_cache else self.results
        return any(row[0] == outcome.image_hash for row in rows)

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
    """Return one row an image: a popular image is one update a batch, not one a request."""
    sums: dict[str, JsonRow] = {}
    for row in rows:
        image_hash, hits, last_hit_at = row
        known = sums.get(image_hash)
        sums[image_hash] = row if known is None else (image_hash, known[1] + hits, max(known[2], last_hit_at))
    return list(sums.values())


def _hit_row(outcome: Outcome) -> JsonRow:
    return outcome.image_hash, 1, to_sql_time(outcome.created_at)


def _result_row(outcome: Outcome) -> JsonRow:
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
        to_sql_time(outcome.created_at),
    )


def _record_row(outcome: Outcome) -> JsonRow:
    return (
        outcome.request_id,
        outcome.context.user_id,
        outcome.context.ip_address,
        outcome.image_hash,
        outcome.image_size,
        outcome.classification.category,
        outcome.classification.confidence,
        int(outcome.from_cache),
        outcome.processing_time_ms,
        to_sql_time(outcome.created_at),
    )


def _call_rows(outcome: Outcome | Failure) -> Iterator[JsonRow]:
    """Yield the rows of the questions that a vendor was sent: the offline classifier is none."""
    for call in outcome.calls:
        if call.provider != LOCAL_PROVIDER:
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


def _refusal_row(failure: Failure) -> JsonRow:
    assert failure.refused_until is not None
    usage = failure.usage
    return (
        failure.image_hash,
        to_sql_time(failure.refused_until),
        to_sql_time(failure.created_at),
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
    )
