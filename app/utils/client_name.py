"""What a client is called where it is counted: by its key, else as it says itself, else by where it calls from."""

from ipaddress import IPv6Address, ip_address

_IPV6_HOST_BITS = 64
"""An IPv6 customer has a network of these: each address of it is the same client."""


def client_name(key_id: str | None, user_id: str | None, address: str | None) -> str:
    """Return the client's name. All of whom nothing is known are one client."""
    if key_id is not None:
        return f"key:{key_id}"
    if user_id is not None:
        return f"user:{user_id}"
    return f"address:{_network_of(address)}"


def _network_of(address: str | None) -> str:
    if address is None:
        return "unknown"
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> _IPV6_HOST_BITS << _IPV6_HOST_BITS))
