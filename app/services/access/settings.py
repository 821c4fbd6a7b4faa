"""Who may call, as the settings say it: keys, addresses, signing secrets. What they admit, `keys.py` says."""

import re
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from app.setting_types import parsed_by, split, split_list

Network = IPv4Network | IPv6Network

MIN_KEY_LENGTH = 20
MIN_SIGNING_SECRET_LENGTH = 32

_KEY = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What a bearer token may hold (RFC 6750). No comma and no colon: they separate keys from one another."""

_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
"""As browsers write it: in lower case, nothing behind the port. Pages in apps have schemes of their own."""

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAMED = re.compile(r"([^:]*):(.+)")
_KEY_NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")


def parse_keys(text: str) -> dict[bytes, str | None]:
    """Return the name of each key of a setting, if it has one, by the key's SHA-256. Raises ValueError, without keys.

    Two keys may have one name: the old and the new one of the same holder.
    """
    names: dict[bytes, str | None] = {}
    for entry in split_list(text):
        name, key = _split_name(entry)
        digest = _digest_of(key)
        if names.setdefault(digest, name) != name:
            raise ValueError("gives one key two names")
    return names


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


def _split_name(entry: str) -> tuple[str | None, str]:
    """Return the name and the key of `name:key`; `sha256:<hex>` is a key without a name."""
    named = None if entry.startswith("sha256:") else _NAMED.fullmatch(entry)
    if named is None:
        return None, entry
    if not _KEY_NAME.fullmatch(named[1]):
        raise ValueError("takes names of 1 to 32 characters from A-Z a-z 0-9 . _ - before the colon")
    return named[1], named[2]


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


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    parse_networks(names)
    return names


def _origins(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(name == "*" or _ORIGIN.fullmatch(name) for name in names):
        raise ValueError("takes origins such as https://app.example.com, without a path, or *")
    return names


Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_networks)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_origins)]
Keys = Annotated[SecretStr, AfterValidator(parsed_by(parse_keys))]
SigningKeys = Annotated[SecretStr, AfterValidator(parsed_by(parse_signing_keys))]


class AccessSettings(BaseModel):
    """Who may call."""

    trusted_proxies: Networks = Field(
        ("127.0.0.1",), description="Addresses or CIDR ranges whose X-Forwarded-For is believed, comma-separated"
    )
    api_keys: Keys = Field(
        SecretStr(""),
        description="Keys for the apps, comma-separated, each plain or as `sha256:<hex>`, with or without `name:` "
        "before it; empty: open",
    )
    admin_api_keys: Keys = Field(
        SecretStr(""),
        description="Keys for statistics, corrections, metrics and other people's records, in the same form",
    )
    admin_ip_allowlist: Networks = Field(
        (), description="Addresses or CIDR ranges that may read these, comma-separated; with keys, both are needed"
    )
    allow_open_statistics: bool = Field(
        False, description="Lets ENV=production start with neither: statistics are then for whoever reaches the port"
    )
    signing_keys: SigningKeys = Field(
        SecretStr(""), description="`id:secret` pairs, comma-separated: the apps' calls must be signed (RFC 9421)"
    )
    cors_origins: Origins = Field(
        (), description="Origins whose web pages may call, comma-separated, such as https://app.example.com; `*`: all"
    )

    @model_validator(mode="after")
    def _access_holds(self) -> Self:
        if set(self.key_digests) & set(self.admin_key_digests):
            raise ValueError("ADMIN_API_KEYS: has a key of API_KEYS, which every app's user can read")
        if self.admin_networks and any(network.prefixlen == 0 for network in parse_networks(self.trusted_proxies)):
            raise ValueError("ADMIN_IP_ALLOWLIST: holds nobody off while TRUSTED_PROXIES believes everybody")
        return self

    @property
    def key_digests(self) -> tuple[bytes, ...]:
        return tuple(parse_keys(self.api_keys.get_secret_value()))

    @property
    def admin_key_digests(self) -> tuple[bytes, ...]:
        return tuple(parse_keys(self.admin_api_keys.get_secret_value()))

    @property
    def admin_key_names(self) -> dict[bytes, str]:
        """The names of the operators' keys that have one, by the key's SHA-256."""
        return {digest: name for digest, name in parse_keys(self.admin_api_keys.get_secret_value()).items() if name}

    @property
    def signing_secrets(self) -> dict[str, bytes]:
        """The secrets by their ids."""
        return parse_signing_keys(self.signing_keys.get_secret_value())

    @property
    def admin_networks(self) -> tuple[Network, ...]:
        return parse_networks(self.admin_ip_allowlist)
