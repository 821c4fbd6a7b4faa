"""Request ids: `req_<unix seconds>_<12 hex>`, readable and sortable by time (specification 5.3.1)."""

import re
import secrets
import time

REQUEST_ID_PATTERN = "^req_[0-9]{1,12}_[0-9a-f]{12}$"

_REQUEST_ID = re.compile(REQUEST_ID_PATTERN)


def generate_request_id() -> str:
    """Return a new request id, such as `req_1696934400_a3f5d8c2b1e9`."""
    return f"req_{int(time.time())}_{secrets.token_hex(6)}"


def generate_request_ids(count: int) -> list[str]:
    """Return so many new request ids. What tells them apart is drawn at once: a system call for each took longer."""
    now, digits = int(time.time()), secrets.token_hex(6 * count)
    return [f"req_{now}_{digits[start : start + 12]}" for start in range(0, 12 * count, 12)]


def is_request_id(text: str) -> bool:
    """Whether `text` has the form of an id that this service gives out."""
    return _REQUEST_ID.fullmatch(text) is not None
