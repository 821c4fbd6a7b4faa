"""Signs a request by RFC 9421, as the service's `docs/signatures.md` asks for. A new one for each try."""

import base64
import hashlib
import hmac
import secrets
import time

from photo_classifier.options import SigningKey

_GOOD_FOR_SECONDS = 240
"""The service's limit is 300."""


def signed_headers(key: SigningKey, path: str, user_id: str | None, body: bytes) -> dict[str, str]:
    """Return the headers that sign a POST of this body to this path."""
    digest = f"sha-256=:{_in_base64(hashlib.sha256(body).digest())}:"
    covered = {"@method": "POST", "@path": path, "content-digest": digest}
    if user_id is not None:
        covered["x-user-id"] = user_id
    now = int(time.time())
    names = " ".join(f'"{name}"' for name in covered)
    parameters = (
        f"({names})"
        f';created={now};expires={now + _GOOD_FOR_SECONDS};nonce="{secrets.token_urlsafe(18)}"'
        f';keyid="{key.key_id}";alg="hmac-sha256";tag="image-classifier"'
    )
    lines = [f'"{name}": {value}' for name, value in covered.items()]
    base = "\n".join([*lines, f'"@signature-params": {parameters}'])
    signature = hmac.new(key.secret.encode(), base.encode(), hashlib.sha256).digest()
    return {
        "content-digest": digest,
        "signature-input": f"sig={parameters}",
        "signature": f"sig=:{_in_base64(signature)}:",
    }


def _in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
