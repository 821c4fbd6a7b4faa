"""Who issues the tokens by which users sign in, as the settings say it. What a token has to be, `tokens.py` says."""

import re
from pathlib import Path
from typing import Annotated, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from app.services.access.settings import AccessSettings
from app.services.access.token_rules import Algorithm, TokenRules
from app.setting_types import CommaSeparated, HttpAddress, split

_CLAIM = re.compile(r"([^=\s]{1,128})=([^=\s]{1,128})")


def _algorithms(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or not set(names) <= set(get_args(Algorithm)):
        raise ValueError(f"takes names from {', '.join(get_args(Algorithm))}")
    return names


def _claim(text: str) -> str:
    if not _CLAIM.fullmatch(text):
        raise ValueError("takes claim=value, such as roles=photo-operator")
    return text


Algorithms = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_algorithms)]
Claim = Annotated[str, AfterValidator(_claim)]


class SignInSettings(AccessSettings):
    """Who may call, users with tokens included."""

    auth_jwks_url: HttpAddress | None = Field(
        None, description="Address of the issuer's public keys (a JWK Set): users sign in by its tokens (JWT)"
    )
    auth_public_key: Path | None = Field(None, description="File of these keys instead: a JWK Set or a PEM public key")
    auth_issuer: str | None = Field(None, description="`iss` of these tokens; needed with either")
    auth_audience: CommaSeparated = Field(
        (), description="`aud` of tokens for this service, comma-separated where several are; needed with either"
    )
    auth_algorithms: Algorithms = Field(
        ("RS256", "PS256", "ES256", "EdDSA", "Ed25519"),
        description="Algorithms that tokens may be signed by, comma-separated; asymmetric ones alone",
    )
    auth_leeway_seconds: int = Field(
        30, ge=0, le=300, description="How far the issuer's clock may be off, in the times of its tokens"
    )
    auth_admin_claim: Claim | None = Field(
        None,
        description="`claim=value` of operators' tokens, such as `roles=photo-operator`: they are as keys of "
        "ADMIN_API_KEYS",
    )
    auth_jwks_refresh_seconds: int = Field(
        300,
        ge=10,
        le=86_400,
        description="How often the keys are read; a token by an unknown one has them read at once",
    )
    auth_jwks_stale_seconds: int = Field(
        86_400, ge=60, le=2_592_000, description="How long known keys are good for while they cannot be read"
    )

    @model_validator(mode="after")
    def _sign_in_is_complete(self) -> Self:
        if self.auth_jwks_url is not None and self.auth_public_key is not None:
            raise ValueError("AUTH_PUBLIC_KEY: is for services without AUTH_JWKS_URL")
        if self.signs_in:
            for name, value in (("AUTH_ISSUER", self.auth_issuer), ("AUTH_AUDIENCE", self.auth_audience)):
                if not value:
                    raise ValueError(f"{name}: is needed, or tokens for other services would be good here")
        elif self.auth_issuer or self.auth_audience or self.auth_admin_claim:
            raise ValueError("AUTH_JWKS_URL: is needed, or AUTH_PUBLIC_KEY, for users to sign in")
        return self

    @model_validator(mode="after")
    def _key_file_can_be_read(self) -> Self:
        if self.auth_public_key is not None:
            from app.services.access.key_set import read_key_set
            from app.services.access.key_sources import read_key_file

            try:
                read_key_set(read_key_file(self.auth_public_key), self.auth_algorithms)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                raise ValueError(f"AUTH_PUBLIC_KEY: {reason}") from None
        return self

    @property
    def signs_in(self) -> bool:
        """Whether users sign in by tokens."""
        return self.auth_jwks_url is not None or self.auth_public_key is not None

    @property
    def guards_statistics(self) -> bool:
        """Whether what is the operators' is closed to others."""
        return bool(self.admin_key_digests or self.admin_networks or self.auth_admin_claim)

    @property
    def token_rules(self) -> TokenRules:
        name, _, value = (self.auth_admin_claim or "").partition("=")
        return TokenRules(
            issuer=self.auth_issuer or "",
            audiences=self.auth_audience,
            algorithms=self.auth_algorithms,
            leeway_seconds=self.auth_leeway_seconds,
            admin_claim=(name, value) if name else None,
        )
