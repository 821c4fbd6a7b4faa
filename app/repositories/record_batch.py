"""What is written together: the rows of one batch of outcomes, as plain values that a file can hold too."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.database import to_sql_time
from app.models.domain import Outcome

JsonRow = tuple[Any, ...]
"""Values by place, the key first. The statements of `ledger_repository` unpack them and name the places."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """The rows of some outcomes: new results, hits summed by image, request records.

    A writer numbers its batches upwards; writer and number together say whether a batch has been written.
    """

    writer: str
    number: int
    results: list[JsonRow]
    hits: list[JsonRow]
    records: list[JsonRow]

    @classmethod
    def of(cls, writer: str, number: int, outcomes: Sequence[Outcome]) -> Self:
        """Return the batch of these outcomes."""
        return cls(
            writer,
            number,
            results=[_result_row(outcome) for outcome in outcomes if outcome.reply is not None],
            hits=sum_hits(_hit_row(outcome) for outcome in outcomes if outcome.from_cache),
            records=[_record_row(outcome) for outcome in outcomes if outcome.logged],
        )

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return the batch that `to_json` wrote. Raises ValueError, KeyError or TypeError if it is none."""
        values = json.loads(text)
        results, hits, records = ([tuple(row) for row in values[name]] for name in ("results", "hits", "records"))
        return cls(values["writer"], values["number"], results, hits, records)

    def to_json(self) -> bytes:
        """Return the batch as one line of ASCII."""
        values = {
            "writer": self.writer,
            "number": self.number,
            "results": self.results,
            "hits": self.hits,
            "records": self.records,
        }
        return json.dumps(values, separators=(",", ":")).encode("ascii")

    def concerns(self, outcome: Outcome) -> bool:
        """Whether some row is there because of this outcome."""
        if outcome.logged and any(row[0] == outcome.context.request_id for row in self.records):
            return True
        rows = self.hits if outcome.from_cache else self.results
        return any(row[0] == outcome.image_hash for row in rows)

    @property
    def rows(self) -> int:
        """How many rows it has, of all kinds."""
        return len(self.results) + len(self.hits) + len(self.records)

    @property
    def answers(self) -> int:
        """How many answers it records; unlogged hits count too."""
        return len(self.results) + sum(int(hits) for _, hits, _ in self.hits)


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
        outcome.context.request_id,
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
