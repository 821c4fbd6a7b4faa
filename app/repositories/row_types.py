"""What a row of a batch is, and how rows are sent."""

import json
from collections.abc import Sequence
from typing import Any

JsonRow = tuple[Any, ...]
"""Values by place, the key first, such as JSON can hold. The statements unpack them and name the places."""

# Whatever a text holds, what is sent is plain: ensure_ascii stays on.
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def as_json(rows: Sequence[JsonRow]) -> str:
    """Return rows as the statements unpack them."""
    return _ENCODER.encode(rows)
