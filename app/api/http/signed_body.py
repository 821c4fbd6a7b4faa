"""The body of a signed request: handed on as it comes, and its end only if it is the one that was signed."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope

from app.services.access.keys import Signatures
from app.services.access.signed_request import RequestToVerify, Signed


@dataclass(slots=True)
class SignedBody:
    """A `Receive`. Whoever reads a whole body through it has read what was signed, for the first time.

    The nonce is spent last: nobody can use up another's signature with a body of their own.
    """

    signed: Signed
    signatures: Signatures
    receive: Receive
    request_id: str
    _hash: Any = field(default_factory=hashlib.sha256)

    async def __call__(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.request":
            self._hash.update(message.get("body", b""))
            if not message.get("more_body", False):
                self.signed.check_body(self._hash.digest())
                await self.signatures.spend(self.signed, self.request_id)
        return message


def request_to_verify(scope: Scope, *, has_body: bool) -> RequestToVerify:
    """Return a request as its signature sees it: the path as it was sent, not decoded."""
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    host = next((value for name, value in lines if name == "host"), "")
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{host}{scope['raw_path'].decode('latin-1')}"
    method = scope["state"].get("signed_method", scope["method"])
    return RequestToVerify(method, f"{url}?{query}" if query else url, lines, has_body)
