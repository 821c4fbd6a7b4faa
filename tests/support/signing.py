"""Signs requests as an app does, by the library's other half; a test may leave out or change any part of it."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256

KEY_ID, SECRET = "app-1", "a-secret-of-32-characters-or-more-7f3a9c51"
COVERED = ("@method", "@path", "content-digest", "x-user-id")


def sign(request: httpx.Request, **changes: Any) -> httpx.Request:
    """Return the request, signed; `key_id`, `secret`, `age`, `covered`, and what the library takes, may be changed."""
    key_id = changes.pop("key_id", KEY_ID)
    secret = changes.pop("secret", SECRET).encode()
    created = datetime.now(UTC) - changes.pop("age", timedelta(0))
    body = request.read()
    with_body = request.method == "POST"
    absent = set() if with_body else {"content-digest"}
    absent |= set() if "x-user-id" in request.headers else {"x-user-id"}
    options: dict[str, Any] = {
        "created": created,
        "nonce": secrets.token_urlsafe(18),
        "tag": "image-classifier",
        "covered_component_ids": [name for name in changes.pop("covered", COVERED) if name not in absent],
        **changes,
    }
    if with_body and "content-digest" in options["covered_component_ids"] and "use_existing_digest" not in options:
        options["body"] = body
    keys = MappingKeyResolver(public_keys={}, private_keys={key_id: secret})
    HTTPMessageSigner(signature_algorithm=HMAC_SHA256, key_resolver=keys).sign(request, key_id=key_id, **options)
    return request
