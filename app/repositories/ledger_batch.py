"""What is written together: the rows of one batch of outcomes, as plain values that a file can hold too."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.database import to_sql_time
from app.models.domain import Outcome

JsonRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LedgerBatch:
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
        return cls(values["writer"], values["number"], values["results"], values["hits"], values["records"])

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

    @property
    def answers(self) -> int:
        """How many answers it records; unlogged hits count too."""
        return len(self.results) + sum(int(row["hits"]) for row in self.hits)


def sum_hits(rows: Iterable[JsonRow]) -> list[JsonRow]:
    """Return one row an image: a popular image is one update a batch, not one a request."""
    sums: dict[str, JsonRow] = {}
    for row in rows:
        known = sums.get(row["image_hash"])
        if known is None:
            sums[row["image_hash"]] = dict(row)
        else:
            known["hits"] += row["hits"]
            known["last_hit_at"] = max(known["last_hit_at"], row["last_hit_at"])
    return list(sums.values())


def _hit_row(outcome: Outcome) -> JsonRow:
    return {"image_hash": outcome.image_hash, "hits": 1, "last_hit_at": to_sql_time(outcome.created_at)}


def _result_row(outcome: Outcome) -> JsonRow:
    reply = outcome.reply
    assert reply is not None
    answer: JsonRow = {
        "category": reply.classification.category,
        "confidence": reply.classification.confidence,
        "description": reply.classification.description,
    }
    return {
        "image_hash": outcome.image_hash,
        **answer,
        "model_used": reply.model_used,
        "model_response": answer,
        "prompt_version": reply.prompt_version,
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cached_tokens": reply.usage.cached_tokens,
        "created_at": to_sql_time(outcome.created_at),
    }


def _record_row(outcome: Outcome) -> JsonRow:
    return {
        "request_id": outcome.context.request_id,
        "user_id": outcome.context.user_id,
        "ip_address": outcome.context.ip_address,
        "image_hash": outcome.image_hash,
        "image_size": outcome.image_size,
        "category": outcome.classification.category,
        "confidence": outcome.classification.confidence,
        "from_cache": int(outcome.from_cache),
        "processing_time_ms": outcome.processing_time_ms,
        "created_at": to_sql_time(outcome.created_at),
    }
