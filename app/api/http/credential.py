"""What a request shows to be let in: a key of this service, or a user's token."""

from app.api.http.body import Headers


def credential_of(headers: Headers) -> bytes | None:
    """Return the key or token of a request. `X-API-Key` wins: a proxy may have an `Authorization` of its own."""
    key = headers.get(b"x-api-key")
    if key is not None:
        return key
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else None
