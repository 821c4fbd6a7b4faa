"""Reads the issuer's keys once, to see whether users can sign in."""

from app.cli.doctor.finding import Finding
from app.config import Settings


async def examine_sign_in(settings: Settings) -> list[Finding]:
    """Say whether the keys that tokens are verified by can be read; nothing where users do not sign in."""
    if not settings.signs_in:
        return []
    from app.services.access.build import key_source
    from app.services.access.key_set import read_key_set
    from app.services.access.key_sources import KeysUnreadable

    name = "AUTH_PUBLIC_KEY" if settings.auth_jwks_url is None else "AUTH_JWKS_URL"
    source = key_source(settings)
    try:
        keys = read_key_set(await source.read(), settings.auth_algorithms)
    except (KeysUnreadable, ValueError) as error:
        said = f"the keys of {settings.auth_issuer} cannot be read: {error}"
        return [Finding("sign-in", "failed", said, f"{name}, or the way there")]
    finally:
        await source.close()
    said = f"tokens of {settings.auth_issuer} for {', '.join(settings.auth_audience)}, by {len(keys.keys)} keys"
    if (settings.auth_jwks_url or "").startswith("http://"):
        said += "; whoever is on the way to the keys can put others in their place"
        return [Finding("sign-in", "warning", said, "let AUTH_JWKS_URL begin with https://")]
    if settings.key_digests:
        said += "; keys of API_KEYS may name any user"
    return [Finding("sign-in", "ok", said)]
