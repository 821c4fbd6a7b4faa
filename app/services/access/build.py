"""Builds what decides who may call, as the settings say."""

from app.repositories.nonce_repository import NonceRepository
from app.services.access.keys import Access, KeyRing
from app.services.access.settings import AccessSettings
from app.utils.clock import Clock


def build_access(settings: AccessSettings, nonces: NonceRepository, clock: Clock) -> Access:
    """Return what decides who may call."""
    signatures = None
    if settings.signing_secrets:
        from app.services.access.signatures import SignatureService

        signatures = SignatureService(settings.signing_secrets, nonces, clock)
    return Access(
        KeyRing(settings.key_digests),
        KeyRing(settings.admin_key_digests, settings.admin_key_names),
        settings.admin_networks,
        signatures,
        len(settings.signing_secrets),
    )
