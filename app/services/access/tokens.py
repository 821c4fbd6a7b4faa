"""Verifies the tokens by which users sign in: JSON Web Tokens (RFC 7519, RFC 8725), signed by their issuer.

Imported only where users sign in: the library takes memory.
"""

import asyncio
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from joserfc.errors import ClaimError, ExpiredTokenError, JoseError, UnsupportedAlgorithmError
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry

from app.models.request import is_user_id
from app.observe.metrics import Metrics
from app.services.access.current_keys import CurrentKeys
from app.services.access.errors import ExpiredToken, InvalidToken, SignInUnavailable
from app.services.access.key_set import KeySet, TokenKey
from app.services.access.token_rules import SignedIn, TokenRules
from app.utils.clock import Clock

MAX_TOKEN_BYTES = 8192
MAX_REMEMBERED = 20_000
MAX_SUBJECT_LENGTH = 255
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_LATEST = 32_503_680_000
"""The year 3000: later moments are no dates to Python."""

_AT_A_TIME = 4
"""Tokens verified in one turn of the event loop: a millisecond's worth."""

_HASHED = "sub:"
"""Begins the user ids that are made of a subject's hash, and no other."""


class _Registry(JWSRegistry):
    """Takes the settings' algorithms alone. The library's own warns of `EdDSA` at each token; many issuers say it."""

    max_header_length = MAX_TOKEN_BYTES

    def get_alg(self, name: str) -> Any:
        if not self.allowed or name not in self.allowed:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


class TokenVerifier:
    """Verifies each token once, and remembers it by its SHA-256 for as long as it and its key are good."""

    def __init__(self, keys: CurrentKeys, rules: TokenRules, metrics: Metrics, clock: Clock) -> None:
        self._keys = keys
        self._rules = rules
        self._metrics = metrics
        self._clock = clock
        self._registry = _Registry(algorithms=rules.algorithms, strict_check_header=False)
        self._claims = JWTClaimsRegistry(
            now=lambda: int(clock().timestamp()),
            leeway=rules.leeway_seconds,
            iss={"essential": True, "value": rules.issuer},
            aud={"essential": True, "values": list(rules.audiences)},
            sub={"essential": True},
            exp={"essential": True},
        )
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._remembered: dict[bytes, SignedIn] = {}
        keys.on_change = self._forget_other_keys

    def find(self, digest: bytes) -> SignedIn | None:
        """Return whom a token names by its SHA-256, if it has been verified and is still good."""
        signed_in = self._remembered.get(digest)
        if signed_in is None or signed_in.good_until > self._clock():
            return signed_in
        del self._remembered[digest]
        return None

    async def verify(self, token: bytes, digest: bytes) -> SignedIn:
        """Return whom a token names, and remember it. Raises `InvalidToken`, `SignInUnavailable`."""
        try:
            signed_in = await self._verify(token)
        except (InvalidToken, SignInUnavailable) as error:
            self._metrics.token_checks.add(error.code)
            raise
        self._metrics.token_checks.add("accepted")
        if len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = signed_in
        return signed_in

    async def _verify(self, token: bytes) -> SignedIn:
        async with self._turn():
            parts = self._read(token)
            header = parts.headers()
            key_id, algorithm = header.get("kid"), header["alg"]
            keys = self._keys.find_known(key_id, algorithm)
            if keys:
                return self._conclude(parts, keys)
        await self._keys.find(key_id, algorithm)
        async with self._turn():
            keys = self._keys.find_known(key_id, algorithm)  # they may have gone while this waited for its turn
            if not keys:
                raise InvalidToken("The token was signed by no key that its issuer has now.")
            return self._conclude(parts, keys)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Let what else has come go first: many new tokens at once would hold it up."""
        async with self._turns:
            await asyncio.sleep(0)
            yield

    def _conclude(self, parts: CompactSignature, keys: Sequence[TokenKey]) -> SignedIn:
        key = self._signer_of(parts, keys)
        claims = self._read_claims(parts)
        return SignedIn(
            user_id=user_id_of(claims["sub"]),
            is_operator=self._is_operator(claims),
            good_until=datetime.fromtimestamp(min(claims["exp"], _LATEST) + self._rules.leeway_seconds, UTC),
            key_name=key.name,
        )

    def _read(self, token: bytes) -> CompactSignature:
        """Return a token's parts, of which nothing is believed yet. Raises `InvalidToken`."""
        if len(token) > MAX_TOKEN_BYTES:
            raise InvalidToken(f"The token is longer than {MAX_TOKEN_BYTES} bytes.")
        try:
            parts = extract_compact(token, None, self._registry)
            header = parts.headers()
            if not isinstance(header, dict) or "crit" in header:
                raise InvalidToken
            self._registry.check_header(header)
            self._registry.get_alg(header["alg"])
        except UnsupportedAlgorithmError:
            raise InvalidToken("The token is signed by an algorithm that this service does not accept.") from None
        except (JoseError, ValueError, TypeError, RecursionError):
            raise InvalidToken from None
        if str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise InvalidToken("The token is of a type that is not for calling services.")
        return parts

    def _signer_of(self, parts: CompactSignature, keys: Sequence[TokenKey]) -> TokenKey:
        """Return the key that has signed a token. Raises `InvalidToken`."""
        for key in keys:
            try:
                if validate_compact(parts, key.public_key, registry=self._registry):
                    return key
            except (JoseError, ValueError, TypeError):
                continue
        raise InvalidToken("The token's signature is wrong.")

    def _read_claims(self, parts: CompactSignature) -> Mapping[str, Any]:
        """Return what a token says whose signature is right. Raises `InvalidToken`."""
        try:
            claims = json.loads(parts.payload)
            if not isinstance(claims, dict):
                raise InvalidToken
            self._claims.validate(claims)
        except ExpiredTokenError:
            raise ExpiredToken from None
        except ClaimError as error:
            raise InvalidToken(f"The token lacks what this service expects of it: {_named(error)}.") from None
        except (JoseError, ValueError, TypeError, RecursionError):
            raise InvalidToken from None
        return claims

    def _is_operator(self, claims: Mapping[str, Any]) -> bool:
        if self._rules.admin_claim is None:
            return False
        name, value = self._rules.admin_claim
        said = claims.get(name, _inner(claims, name))
        return value in (said.split() if isinstance(said, str) else said if isinstance(said, list) else ())

    def _forget_other_keys(self, keys: KeySet | None) -> None:
        names = frozenset[str]() if keys is None else keys.names
        gone = {digest for digest, signed_in in self._remembered.items() if signed_in.key_name not in names}
        for digest in gone:
            del self._remembered[digest]


def user_id_of(subject: str) -> str:
    """Return the user id of a token's subject: the subject, or its hash where it is none (`auth0|5f7c...`).

    No subject has another's user id: what looks like a hash is hashed too. Raises `InvalidToken`.
    """
    if not 1 <= len(subject) <= MAX_SUBJECT_LENGTH:
        raise InvalidToken(f"The token's subject has more than {MAX_SUBJECT_LENGTH} characters.")
    if is_user_id(subject) and not subject.startswith(_HASHED):
        return subject
    return _HASHED + urlsafe_b64encode(sha256(subject.encode("utf-8", "surrogatepass")).digest()).decode().rstrip("=")


def _inner(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim within others, by their names with dots between them; None where there is none."""
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _named(error: ClaimError) -> str:
    """Return the names of claims that are ours to expect, and nothing that was sent."""
    return ", ".join(re.findall(r"\b(?:iss|aud|sub|exp|nbf|iat|jti)\b", error.claim)) or "its claims"
