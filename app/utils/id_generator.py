"""Request ids: `req_<unix seconds>_<12 hex>`, readable and sortable by time (specification 5.3.1)."""

import re
import secrets
import time
from collections.abc import Iterator
from itertools import islice

REQUEST_ID_PATTERN = "^req_[0-9]{1,12}_[0-9a-f]{12}$"

_REQUEST_ID = re.compile(REQUEST_ID_PATTERN)
_DRAWN_AT_ONCE = 256


def generate_request_id() -> str:
    """Return a new request id, such as `req_1696934400_a3f5d8c2b1e9`."""
    return f"req_{int(time.time())}_{secrets.token_hex(6)}"


def request_ids() -> Iterator[str]:
    """Yield new request ids without end. What tells them apart is drawn for many at once: a system call for each took
    longer than all else. For one process: after a fork both would give out the same."""
    while True:
        digits = secrets.token_hex(6 * _DRAWN_AT_ONCE)
        for start in range(0, 12 * _DRAWN_AT_ONCE, 12):
            yield f"req_{int(time.time())}_{digits[start : start + 12]}"


def generate_request_ids(count: int) -> list[str]:
    """Return so many new request ids, drawn together."""
    return list(islice(request_ids(), count))


def is_request_id(text: str) -> bool:
    """Whether `text` has the form of an id that this service gives out."""
    return _REQUEST_ID.fullmatch(text) is not None
