"""The public keys that tokens are verified by: read from a JWK Set (RFC 7517) or a PEM file, found by id and algorithm.

Imported only where users sign in: the library takes memory.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

MAX_KEYS = 100
MAX_FITTING = 10
"""Keys that one token may be tried by: anybody can send tokens that none of them has signed."""

_MIN_RSA_BITS = 2048

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A public key, and the algorithms that it may be used by."""

    key_id: str | None
    public_key: PublicKey
    algorithms: frozenset[str]
    name: str
    """The same for the same key under the same id, and for no other."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of an issuer at one moment."""

    keys: Sequence[TokenKey]
    _by_id: dict[str | None, list[TokenKey]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for key in self.keys:
            self._by_id.setdefault(key.key_id, []).append(key)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(key.name for key in self.keys)

    def find(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        """Return the keys that may have signed a token of this id and algorithm; none where they are too many to try.

        A key without an id is meant by whatever id no other key has, as that of a PEM file is.
        """
        named = self.keys if key_id is None else self._by_id.get(key_id) or self._by_id.get(None, [])
        fitting = tuple(key for key in named if algorithm in key.algorithms)
        return fitting if len(fitting) <= MAX_FITTING else ()


def read_key_set(text: bytes, algorithms: Sequence[str]) -> KeySet:
    """Return the keys of a JWK Set or a PEM file that these algorithms take. Raises ValueError, without the text."""
    is_json = text.lstrip().startswith(b"{")
    keys = _read_json(text, algorithms) if is_json else _read_pem(text, algorithms)
    different = {key.name: key for key in keys}
    if not different:
        raise ValueError("has no public key that AUTH_ALGORITHMS take")
    return KeySet(list(different.values()))


def _read_json(text: bytes, algorithms: Sequence[str]) -> Iterable[TokenKey]:
    try:
        members = json.loads(text)["keys"]
    except (ValueError, KeyError, RecursionError):
        members = None
    if not isinstance(members, list):
        raise ValueError('is no JWK Set: {"keys": [...]}')
    if len(members) > MAX_KEYS:
        raise ValueError(f"has more than {MAX_KEYS} keys")
    return filter(None, (_read_member(member, algorithms) for member in members))


def _read_member(member: Any, algorithms: Sequence[str]) -> TokenKey | None:
    """Return a key of a set, or None for one of no use to us: of another kind, for another use, malformed."""
    try:
        key = JWKRegistry.import_key(member)
        return None if isinstance(key, OctKey) else _with_algorithms(key, algorithms)
    except Exception:  # whatever the library meets in it: it may be anything
        return None


def _read_pem(text: bytes, algorithms: Sequence[str]) -> Iterable[TokenKey]:
    if b"PRIVATE KEY" in text:
        raise ValueError("holds a private key: it takes the public one")
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            key = kind.import_key(text)
        except (JoseError, ValueError):
            continue
        usable = _with_algorithms(key, algorithms)
        return [] if usable is None else [usable]
    raise ValueError("is neither a JWK Set nor a PEM public key")


def _with_algorithms(key: PublicKey, algorithms: Sequence[str]) -> TokenKey | None:
    """Return a key with those of the algorithms that it is for, by its kind and by what it says of itself."""
    if key.is_private or (isinstance(key, RSAKey) and key.public_key.key_size < _MIN_RSA_BITS):
        return None
    operations = key.get("key_ops")
    fitting = frozenset(name for name in algorithms if _fits(key, name))
    if not fitting or (operations is not None and "verify" not in operations):
        return None
    return TokenKey(key.kid, key, fitting, f"{key.thumbprint()} {key.alg} {key.kid}")


def _fits(key: PublicKey, algorithm: str) -> bool:
    try:
        JWSRegistry.algorithms[algorithm].check_key(key)
    except JoseError:
        return False
    return not (algorithm == "EdDSA" and isinstance(key, OKPKey) and key.curve_name not in ("Ed25519", "Ed448"))
