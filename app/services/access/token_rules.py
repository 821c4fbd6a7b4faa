"""What a token has to be like, and whom it then names: plain values, without the library that reads tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""By public keys alone: with a shared secret (HS256) a public key could be taken for one, and `none` signs nothing."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What this service expects of its tokens."""

    issuer: str
    audiences: Sequence[str]
    """One of which the token is for."""

    algorithms: Sequence[str]
    leeway_seconds: int
    admin_claim: tuple[str, str] | None
    """The claim of operators' tokens, and what it says or has among what it says."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whom a token names that has been verified."""

    user_id: str
    is_operator: bool
    good_until: datetime
    key_name: str
    """The key that has signed it: without that key it is good no longer."""
