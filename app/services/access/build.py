"""Builds what decides who may call, as the settings say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from app.observe.metrics import Metrics
from app.repositories.nonce_repository import NonceRepository
from app.services.access.keys import Access, KeyRing, Tokens
from app.services.access.sign_in_settings import SignInSettings
from app.utils.clock import Clock

if TYPE_CHECKING:
    from app.services.access.key_sources import KeyAddress, KeyFile


@asynccontextmanager
async def open_access(
    settings: SignInSettings, nonces: NonceRepository, metrics: Metrics, clock: Clock
) -> AsyncIterator[Access]:
    """Build what decides who may call; where users sign in, read their issuer's keys until the end of the block."""
    signatures = None
    if settings.signing_secrets:
        from app.services.access.signatures import SignatureService

        signatures = SignatureService(settings.signing_secrets, nonces, clock)
    async with AsyncExitStack() as stack:
        yield Access(
            KeyRing(settings.key_digests),
            KeyRing(settings.admin_key_digests, settings.admin_key_names),
            settings.admin_networks,
            signatures,
            len(settings.signing_secrets),
            tokens=await _open_tokens(settings, metrics, clock, stack) if settings.signs_in else None,
            operators_sign_in=settings.auth_admin_claim is not None,
        )


async def _open_tokens(settings: SignInSettings, metrics: Metrics, clock: Clock, stack: AsyncExitStack) -> Tokens:
    """Build what verifies tokens. Nobody waits for the keys here: their issuer may be away."""
    from app.services.access.current_keys import CurrentKeys
    from app.services.access.key_set import read_key_set
    from app.services.access.tokens import TokenVerifier

    source = key_source(settings)
    stack.push_async_callback(source.close)
    keys = CurrentKeys(
        source,
        partial(read_key_set, algorithms=settings.auth_algorithms),
        metrics,
        refresh_seconds=settings.auth_jwks_refresh_seconds,
        stale_seconds=settings.auth_jwks_stale_seconds,
    )
    verifier = TokenVerifier(keys, settings.token_rules, metrics, clock)
    metrics.key_age.watch(lambda: keys.age_seconds)
    reading = asyncio.create_task(keys.run_forever())
    stack.push_async_callback(asyncio.wait, [reading])
    stack.callback(reading.cancel)
    return verifier


def key_source(settings: SignInSettings) -> "KeyAddress | KeyFile":
    """Return where the keys of the tokens' issuer are read, where users sign in."""
    from app.services.access.key_sources import KeyAddress, KeyFile

    if settings.auth_jwks_url is not None:
        return KeyAddress(settings.auth_jwks_url)
    assert settings.auth_public_key is not None
    return KeyFile(settings.auth_public_key)
