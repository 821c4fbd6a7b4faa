"""A request as its signature sees it, and what the signature says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from app.services.access.errors import InvalidSignature


@dataclass(frozen=True, slots=True)
class RequestToVerify:
    """A request before its body is read. `header_lines` are in order, their names in lower case."""

    method: str
    url: str
    header_lines: Sequence[tuple[str, str]]
    has_body: bool


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature is right. Its body has still to be compared, and its nonce to be spent."""

    key_id: str
    nonce: str
    good_until: datetime
    body_digest: bytes | None

    def check_body(self, digest: bytes) -> None:
        """Return if this is the SHA-256 of the body that was signed. Raises `InvalidSignature`."""
        if self.body_digest is None or not compare_digest(self.body_digest, digest):
            raise InvalidSignature("The body is not the one whose Content-Digest was signed.")
