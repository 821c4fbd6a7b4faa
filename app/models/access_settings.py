"""Who may call, as the settings say it: keys, addresses, signing secrets. What they admit is `services/access.py`'s."""

import re
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

MIN_KEY_LENGTH = 20
MIN_SIGNING_SECRET_LENGTH = 32

_KEY = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What a bearer token may hold (RFC 6750). No comma and no colon: they separate keys from one another."""

_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def split_list(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Return the SHA-256 of each key of a setting. Raises ValueError, without the key."""
    return tuple(_digest_of(key) for key in split_list(text))


def parse_signing_keys(text: str) -> dict[str, bytes]:
    """Return the secrets of a setting by their ids. Raises ValueError, without the secrets."""
    secrets: dict[str, bytes] = {}
    for pair in split_list(text):
        key_id, _, secret = pair.partition(":")
        if not _KEY_ID.fullmatch(key_id) or not _KEY.fullmatch(secret):
            raise ValueError("takes id:secret pairs, the secrets of characters from A-Z a-z 0-9 . _ ~ + / = -")
        if len(secret) < MIN_SIGNING_SECRET_LENGTH:
            raise ValueError(f"takes secrets of {MIN_SIGNING_SECRET_LENGTH} characters or more")
        if key_id in secrets:
            raise ValueError("names an id twice")
        secrets[key_id] = secret.encode("ascii")
    return secrets


def parse_networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    """Return addresses and CIDR ranges as networks. Raises ValueError.

    A range with bits set behind its prefix (10.0.0.1/8) is refused: the servers would silently believe nobody in it.
    """
    try:
        return tuple(ip_network(name) for name in names)
    except ValueError:
        raise ValueError("takes IP addresses and CIDR ranges such as 10.0.0.0/8") from None


def _digest_of(key: str) -> bytes:
    hashed = _DIGEST.fullmatch(key)
    if hashed:
        return bytes.fromhex(hashed[1])
    if key.startswith("sha256:"):
        raise ValueError("takes 64 hexadecimal characters after sha256:")
    if not _KEY.fullmatch(key):
        raise ValueError("takes keys of characters from A-Z a-z 0-9 . _ ~ + / = -")
    if len(key) < MIN_KEY_LENGTH:
        raise ValueError(f"takes keys of {MIN_KEY_LENGTH} characters or more")
    return sha256(key.encode("ascii")).digest()
