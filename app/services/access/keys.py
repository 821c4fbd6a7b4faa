"""Who may do what: keys for the apps, tokens for their users; keys and addresses for operators.

Knows nothing of HTTP but what a key is. A request shows one of them, which is called its credential here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from typing import Protocol

from app.services.access.errors import Forbidden, Unauthorized
from app.services.access.settings import Network
from app.services.access.signed_request import RequestToVerify, Signed
from app.services.access.token_rules import SignedIn

_MAX_NAME_LENGTH = 32
"""Of whoever made a change, in the audit."""

_SIGNED_IN = "user:"
"""Begins what the audit calls users: no name of a key has a colon."""

_CUT_DIGITS = 8


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that are accepted somewhere, as SHA-256. An empty ring is false: no key is asked for there."""

    digests: tuple[bytes, ...] = ()
    names: Mapping[bytes, str] = field(default_factory=dict)
    """Those that have one, by their SHA-256."""

    def __bool__(self) -> bool:
        return bool(self.digests)

    def check(self, key: bytes | None) -> None:
        """Return if `key` is one of them. Raises `Unauthorized`."""
        if key is None:
            raise Unauthorized
        if not self.holds(key):
            raise Unauthorized("The key is none that this service accepts here.")

    def holds(self, key: bytes) -> bool:
        """Whether `key` is one of them."""
        return self.holds_digest(sha256(key).digest())

    def holds_digest(self, digest: bytes) -> bool:
        """Whether a key of this SHA-256 is one of them.

        All are compared, each in constant time: how long it takes tells nothing.
        """
        held = False
        for known in self.digests:
            held |= compare_digest(known, digest)
        return held

    def name_of(self, key: bytes | None) -> str | None:
        """Return the name of a key that was checked, if it has one."""
        return None if key is None else self.names.get(sha256(key).digest())


class Signatures(Protocol):
    """What judges signatures, where the apps' calls must have one."""

    def verify(self, request: RequestToVerify) -> Signed:
        """Return what the signature says. Raises a `SignatureError`."""
        ...

    async def spend(self, signed: Signed, request_id: str) -> None:
        """Use a signature up. Raises `ReplayedSignature`, `DatabaseUnavailable`."""
        ...


class Tokens(Protocol):
    """What judges tokens, where users sign in."""

    def find(self, digest: bytes) -> SignedIn | None:
        """Return whom a token names by its SHA-256, if it has been verified and is still good."""
        ...

    async def verify(self, token: bytes, digest: bytes) -> SignedIn:
        """Return whom a token names. Raises `InvalidToken`, `SignInUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call. Without keys, tokens and addresses everybody may, but nobody reads another user's records."""

    client_keys: KeyRing = KeyRing()
    admin_keys: KeyRing = KeyRing()
    admin_networks: tuple[Network, ...] = ()
    signatures: Signatures | None = None
    signers: int = 0
    """How many keys there are to sign with."""

    tokens: Tokens | None = None
    operators_sign_in: bool = False
    """Whether tokens may be operators'."""

    def key_id(self, key: bytes | None, signer: str | None) -> str | None:
        """Return what tells a client from others by its key; None where all have the same, and of a token, which names
        its user."""
        if signer is not None and self.signers > 1:
            return signer
        if key is not None and len(self.client_keys.digests) > 1:
            digest = sha256(key).digest()
            return digest.hex() if digest in self.client_keys.digests else None
        return None

    async def sign_in(self, credential: bytes | None) -> SignedIn | None:
        """Return whom a token names; None for what is none, and where tokens are not taken.

        Raises `InvalidToken`, `SignInUnavailable`.
        """
        if self.tokens is None or credential is None:
            return None
        digest = sha256(credential).digest()
        signed_in = self.tokens.find(digest)
        if signed_in is not None:
            return signed_in
        if self.client_keys.holds_digest(digest) or self.admin_keys.holds_digest(digest):
            return None  # a key may have dots, too
        return await self.tokens.verify(credential, digest) if credential.count(b".") == 2 else None

    async def admit(self, credential: bytes | None) -> SignedIn | None:
        """Return whom the caller's token names, or None if they may call without: by a key, or since all may.

        Raises `Unauthorized`, `SignInUnavailable`.
        """
        if self.tokens is None:
            if self.client_keys.digests:
                self.client_keys.check(credential)
            return None
        if credential is None:
            raise Unauthorized("Sign in: send a token as 'Authorization: Bearer <token>'.")
        # Nearly always it is known, and this is the hot path.
        signed_in = self.tokens.find(sha256(credential).digest()) or await self.sign_in(credential)
        if signed_in is None:
            self.client_keys.check(credential)
        return signed_in

    async def check_admin(self, credential: bytes | None, address: str | None) -> None:
        """Return if the caller may read what is the operators'. Raises `Forbidden` for where they are, `Unauthorized`
        for what they show: who is outside does not learn whether a key is right."""
        if self.admin_networks and not self._is_inside(address):
            raise Forbidden
        if not (self.admin_keys or self.operators_sign_in):
            return
        signed_in = await self.sign_in(credential)
        if signed_in is None:
            self.admin_keys.check(credential)
        elif not signed_in.is_operator:
            raise Unauthorized("The token is not an operator's.")

    async def is_admin(self, credential: bytes | None, address: str | None) -> bool:
        """Whether the caller is known to be an operator; nobody is where no keys, claims or addresses are set."""
        if not (self.admin_keys or self.admin_networks or self.operators_sign_in):
            return False
        try:
            await self.check_admin(credential, address)
        except (Forbidden, Unauthorized):
            return False
        return True

    async def admin_until(self, credential: bytes | None) -> datetime | None:
        """Return until when the caller is let in, behind `check_admin`: the end of a token; None for all else."""
        signed_in = await self.sign_in(credential) if self.operators_sign_in else None
        return None if signed_in is None else signed_in.good_until

    async def operator_name(self, credential: bytes | None) -> str | None:
        """Return what the caller is called in the audit, behind `check_admin`: the name of the key, or of the user."""
        signed_in = await self.sign_in(credential)
        return self.admin_keys.name_of(credential) if signed_in is None else audit_name_of(signed_in.user_id)

    def _is_inside(self, address: str | None) -> bool:
        """Whether an address is on the list. One that nobody can tell (a Unix socket, a proxy's nonsense) is not."""
        return address is not None and any(ip_address(address) in network for network in self.admin_networks)


def audit_name_of(user_id: str) -> str:
    """Return what a user is called in the audit, as no key and no other user is: one that is too long is cut, and ends
    with the beginning of its SHA-256."""
    name = _SIGNED_IN + user_id
    if len(name) <= _MAX_NAME_LENGTH:
        return name
    digest = sha256(user_id.encode("ascii")).hexdigest()[:_CUT_DIGITS]
    return f"{name[: _MAX_NAME_LENGTH - _CUT_DIGITS - 1]}~{digest}"
