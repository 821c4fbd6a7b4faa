"""`lane=deferred`: a caller who has time, for a model at the vendor's reduced price."""

from typing import Any

from app.container import Container
from app.errors import InvalidRequest
from app.services.images.upload_budget import UploadBudget

_STANDARD, _DEFERRED = "standard", "deferred"
_DESCRIPTION = (
    "`deferred`: the model may take minutes, at the vendor's reduced price where it has one; the service's "
    "`DEFERRED_TIMEOUT` and `DEFERRED_FALLBACK` say how long, and what then"
)
LANE_PARAMETER: dict[str, Any] = {
    "parameters": [
        {
            "name": "lane",
            "in": "query",
            "required": False,
            "description": _DESCRIPTION,
            "schema": {"type": "string", "enum": [_STANDARD, _DEFERRED]},
        }
    ]
}
"""FastAPI's `openapi_extra`."""


def may_be_deferred(query: bytes) -> bool:
    """Return whether a request says that its caller has time. Raises `InvalidRequest` for another lane."""
    if not query:
        return False
    # Nothing is decoded, as nginx decodes nothing: what it takes for a quick upload must not take minutes here.
    pairs = (pair.partition("=") for pair in query.decode("latin-1").split("&"))
    lanes = [value for name, _, value in pairs if name == "lane"] or [_STANDARD]
    if len(lanes) > 1 or lanes[0] not in (_STANDARD, _DEFERRED):
        raise InvalidRequest(f"lane: must be '{_STANDARD}' or '{_DEFERRED}'.")
    return lanes[0] == _DEFERRED


def room_for(container: Container, *, deferred: bool) -> UploadBudget:
    """Return the room in memory that an upload takes its part of."""
    return container.deferred_uploads if deferred else container.uploads
