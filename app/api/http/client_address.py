"""Where a request comes from. The server has taken it from X-Forwarded-For where TRUSTED_PROXIES let it."""

import ipaddress
from functools import lru_cache

from starlette.types import Scope


def client_address(scope: Scope) -> str | None:
    """Return the client's IP address in its one canonical form, or None where the peer has none (a Unix socket)."""
    client = scope.get("client")
    return _canonical_address(client[0]) if client else None


@lru_cache(maxsize=1024)
def _canonical_address(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
