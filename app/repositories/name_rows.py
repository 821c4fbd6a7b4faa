"""The rows of a batch about names: by which an answer is found, what its photo looks like, what came of trials."""

import struct
from collections.abc import Iterable, Iterator

from app.database import to_sql_time
from app.models.domain import Outcome
from app.models.identity import MatchedBy
from app.models.near import MIN_QUALITY
from app.repositories.row_types import JsonRow

_SLOTS = struct.Struct(">16H")


def alias_rows(outcome: Outcome) -> Iterator[JsonRow]:
    """Yield a row for each other name of the answer. Its own key is none."""
    naming = outcome.naming
    assert naming is not None
    for alias in naming.aliases:
        if alias.name != naming.image_hash:
            yield (
                alias.name,
                naming.image_hash,
                alias.matched_by,
                alias.distance,
                to_sql_time(outcome.created_at),
            )


def pick_aliases(rows: Iterable[JsonRow]) -> list[JsonRow]:
    """Return one row a name: an exact one rather than one that is near, the last of several, in whatever order."""
    picked: dict[str, JsonRow] = {}
    for row in rows:
        known = picked.get(row[0])
        if known is None or _weight_of(row) > _weight_of(known):
            picked[row[0]] = row
    return list(picked.values())


def fingerprint_row(outcome: Outcome) -> JsonRow:
    """Return the row of what the photo looks like; its last value are the slots by which it is found."""
    naming = outcome.naming
    assert naming is not None
    fingerprint = naming.fingerprint
    assert fingerprint is not None
    slots = slots_of(fingerprint.pdq) if fingerprint.quality >= MIN_QUALITY else []
    return (
        naming.image_hash,
        fingerprint.pdq.hex(),
        fingerprint.quality,
        fingerprint.width,
        fingerprint.height,
        to_sql_time(outcome.created_at),
        slots,
    )


def slots_of(pdq: bytes) -> list[int]:
    """Return the 16 slots of 16 bits of a PDQ (32 bytes), the first bits first. Raises struct.error for another length.

    Of two PDQs that differ in at most 15 bits at least one slot is equal.
    """
    return list(_SLOTS.unpack(pdq))


def trial_row(outcome: Outcome) -> JsonRow:
    """Return the row of a near match that a model was asked about all the same."""
    trial = outcome.trial
    assert trial is not None
    return (
        outcome.request_id,
        outcome.image_hash,
        trial.neighbour_hash,
        trial.distance,
        trial.category,
        outcome.classification.category,
        to_sql_time(outcome.created_at),
    )


def _weight_of(row: JsonRow) -> tuple[bool, str, str, str]:
    _, image_hash, matched_by, _, created_at = row
    return matched_by != MatchedBy.NEAR, created_at, matched_by, image_hash
