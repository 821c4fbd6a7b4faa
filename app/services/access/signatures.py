"""Signed requests: HTTP Message Signatures (RFC 9421) by shared secrets, each good once and not for long.

Imported only where SIGNING_KEYS are set: the library takes memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import http_sf
from http_message_signatures import HTTPMessageSignaturesException, HTTPMessageVerifier, MappingKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256
from loguru import logger

from app.repositories.nonce_repository import NonceRepository
from app.services.access.errors import ExpiredSignature, InvalidSignature, MissingSignature, ReplayedSignature
from app.services.access.signed_request import RequestToVerify, Signed
from app.utils.clock import Clock

TAG = "image-classifier"
"""What says that a signature is for this service: a request may carry others, of proxies."""

MAX_AGE_SECONDS = 300
MAX_CLOCK_SKEW_SECONDS = 30
_MIN_NONCE_LENGTH, _MAX_NONCE_LENGTH = 16, 64
_SIGNATURE_FIELDS = frozenset({"signature-input", "signature"})
_MAX_CHARACTERS = 4096
"""Of Signature-Input and of Signature. Ours take some 250; thousands of components would take long to look at."""

_DIGEST_FIELD = '"content-digest"'


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        """Do nothing: `SignatureService` checks the times, by our clock, once the signature is known to be right."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """A request's header lines as the library reads them: a name may come up twice."""

    lines: Sequence[tuple[str, str]]

    def items(self) -> Sequence[tuple[str, str]]:
        return self.lines


@dataclass(frozen=True, slots=True)
class _Message:
    method: str
    url: str
    headers: _Fields


class SignatureService:
    """Verifies signatures, and remembers those that have been used, for all processes."""

    def __init__(self, secrets: Mapping[str, bytes], nonces: NonceRepository, clock: Clock) -> None:
        keys = MappingKeyResolver(public_keys=secrets, private_keys={})
        self._verifier = _Verifier(signature_algorithm=HMAC_SHA256, key_resolver=keys)
        self._nonces = nonces
        self._clock = clock

    def verify(self, request: RequestToVerify) -> Signed:
        """Return what a request's signature says. Raises a `SignatureError`.

        It has to cover the method, the path, the body's digest where a body is expected, the user where one is named.
        """
        fields = {name for name, _ in request.header_lines}
        if not fields >= _SIGNATURE_FIELDS:
            raise MissingSignature
        if sum(len(value) for name, value in request.header_lines if name in _SIGNATURE_FIELDS) > _MAX_CHARACTERS:
            raise InvalidSignature
        required = ["@method", "@path"]
        required += ["content-digest"] * request.has_body + ["x-user-id"] * ("x-user-id" in fields)
        message = _Message(request.method, request.url, _Fields(request.header_lines))
        try:
            results = self._verifier.verify(message, expect_tag=TAG, require_components=required)
        except HTTPMessageSignaturesException as error:
            # The library's text may quote the request.
            logger.debug("signature refused", error=type(error).__name__)
            raise InvalidSignature(_what_is_missing(request, required)) from None
        if len(results) != 1:
            raise InvalidSignature
        (result,) = results
        digest = _sha256_of(result.covered_components[_DIGEST_FIELD]) if request.has_body else None
        nonce = result.nonce or ""
        if not _MIN_NONCE_LENGTH <= len(nonce) <= _MAX_NONCE_LENGTH or not nonce.isascii():
            raise InvalidSignature(
                f"The signature needs a nonce of {_MIN_NONCE_LENGTH} to {_MAX_NONCE_LENGTH} characters."
            )
        return Signed(str(result.parameters["keyid"]), nonce, self._good_until(result.parameters), digest)

    async def spend(self, signed: Signed, request_id: str) -> None:
        """Use a signature up. Raises `ReplayedSignature`, `DatabaseUnavailable`."""
        if not await self._nonces.insert(signed.key_id, signed.nonce, request_id, signed.good_until):
            raise ReplayedSignature

    def _good_until(self, parameters: Mapping[str, Any]) -> datetime:
        """Return when the signature ends, clock skew included. Raises `ExpiredSignature` if that is not now."""
        created = parameters.get("created")
        if created is None:
            raise InvalidSignature("The signature does not say when it was created.")
        skew = timedelta(seconds=MAX_CLOCK_SKEW_SECONDS)
        now = self._clock().timestamp()
        ends = min(created + MAX_AGE_SECONDS, parameters.get("expires", created + MAX_AGE_SECONDS))
        if not created - MAX_CLOCK_SKEW_SECONDS <= now <= ends + MAX_CLOCK_SKEW_SECONDS:
            raise ExpiredSignature
        return datetime.fromtimestamp(ends, UTC) + skew


def _what_is_missing(request: RequestToVerify, required: Sequence[str]) -> str | None:
    """Return which components no signature of ours covers, for whoever writes a client; None if it is not that.

    Only names that we ask for are repeated, nothing that was sent.
    """
    lines = [value for name, value in request.header_lines if name == "signature-input"]
    try:
        members: Any = http_sf.parse(", ".join(lines).encode("ascii"), tltype="dictionary")
        covered = [
            {name for name, _ in items} for items, parameters in members.values() if parameters.get("tag") == TAG
        ]
    except (ValueError, TypeError):
        return None
    if not covered:
        return f'No signature has tag="{TAG}".'
    missing = [name for name in required if name not in covered[0]]
    if not missing:
        return None
    instead = ' "@target-uri" does not stand for it.' if missing == ["@path"] and "@target-uri" in covered[0] else ""
    return 'The signature does not cover "{}".{}'.format('", "'.join(missing), instead)


def _sha256_of(content_digest: str) -> bytes:
    """Return the SHA-256 of a Content-Digest (RFC 9530), which may hold others beside it."""
    try:
        members: Any = http_sf.parse(content_digest.encode("ascii"), tltype="dictionary")
        digest = members["sha-256"][0]
    except (ValueError, KeyError, TypeError):
        digest = None
    if not isinstance(digest, bytes):
        raise InvalidSignature("Content-Digest needs a sha-256.")
    return digest
