"""Who may do what: keys for the apps; keys and addresses for operators. Knows nothing of HTTP but what a key is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from typing import Protocol

from app.services.access.errors import Forbidden, Unauthorized
from app.services.access.settings import Network
from app.services.access.signed_request import RequestToVerify, Signed


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
        """Whether `key` is one of them. All are compared, each in constant time: how long it takes tells nothing."""
        digest = sha256(key).digest()
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


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call. Without keys and addresses everybody may, but nobody reads another user's records."""

    client_keys: KeyRing = KeyRing()
    admin_keys: KeyRing = KeyRing()
    admin_networks: tuple[Network, ...] = ()
    signatures: Signatures | None = None
    signers: int = 0
    """How many keys there are to sign with."""

    def key_id(self, key: bytes | None, signer: str | None) -> str | None:
        """Return what tells a client from others by its key; None where all have the same."""
        if signer is not None and self.signers > 1:
            return signer
        if key is not None and len(self.client_keys.digests) > 1:
            return sha256(key).hexdigest()
        return None

    def check_admin(self, key: bytes | None, address: str | None) -> None:
        """Return if the caller may read what is the operators'. Raises `Forbidden` for where they are, `Unauthorized`
        for what they show: who is outside does not learn whether a key is right."""
        if self.admin_networks and not self._is_inside(address):
            raise Forbidden
        if self.admin_keys:
            self.admin_keys.check(key)

    def is_admin(self, key: bytes | None, address: str | None) -> bool:
        """Whether the caller is known to be an operator; nobody is where neither keys nor addresses are set."""
        if not (self.admin_keys or self.admin_networks):
            return False
        try:
            self.check_admin(key, address)
        except (Forbidden, Unauthorized):
            return False
        return True

    def _is_inside(self, address: str | None) -> bool:
        """Whether an address is on the list. One that nobody can tell (a Unix socket, a proxy's nonsense) is not."""
        return address is not None and any(ip_address(address) in network for network in self.admin_networks)
