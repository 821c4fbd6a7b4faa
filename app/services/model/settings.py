"""Which model: whose, which, where, and what it is when nobody said."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from app.setting_types import AsciiSecret, HttpAddress

Provider = Literal["openai", "claude", "custom", "local"]
LocalFallback = Literal["off", "unavailable"]
DeferredFallback = Literal["standard", "fail"]
LocalFirst = Literal["off"] | Annotated[float, Field(ge=0.8, le=1)]

DEFAULT_MODELS: dict[str, str] = {"openai": "gpt-6-luna", "claude": "claude-haiku-5-5"}
"""The current small vision model of each vendor, by the SDKs' own lists of names."""

DEFAULT_BASE_URLS = {"openai": "https://api.openai.com/v1", "claude": "https://api.anthropic.com"}
"""Given to the SDKs by name: without one they look for it in environment variables of their own."""


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """One model: whose, which, where, and the key to it."""

    provider: Provider
    api_key: str = field(repr=False)
    chosen_model: str | None
    chosen_base_url: str | None

    @property
    def model(self) -> str:
        """The model's name; empty for the embedded network."""
        return self.chosen_model or DEFAULT_MODELS.get(self.provider, "")

    @property
    def base_url(self) -> str:
        """The API's address; empty for the embedded network."""
        return self.chosen_base_url or DEFAULT_BASE_URLS.get(self.provider, "")


class ModelSettings(BaseModel):
    """Which models are asked, and how."""

    llm_provider: Provider | None = Field(
        None, description="`openai`, `claude`, `custom` or `local`; empty: `openai` with LLM_API_KEY, else `local`"
    )
    llm_api_key: AsciiSecret = Field(SecretStr(""), description="The vendor's API key")
    llm_model: str | None = Field(
        None, max_length=100, description="Model name; empty: a small vision model of the vendor"
    )
    llm_base_url: HttpAddress | None = Field(
        None, description="API address, handed to the SDK as it is; required for `custom` (OpenAI's ends in /v1)"
    )
    llm_max_tokens: int = Field(500, ge=50, le=8192, description="Most output tokens of one answer")
    llm_timeout: float = Field(30, gt=0, le=300, description="Seconds for the whole question to the model")
    deferred_timeout: float = Field(
        900, ge=1, le=3600, description="Seconds for a question with lane=deferred, before DEFERRED_FALLBACK"
    )
    deferred_fallback: DeferredFallback = Field(
        "standard", description="What then: `standard` asks at the full price, within LLM_TIMEOUT; `fail` does not"
    )
    llm_image_max_side: int | None = Field(
        None, ge=200, le=4096, description="Longest side in pixels sent to the model; empty: by provider (504 or 512)"
    )
    llm_max_concurrency: int = Field(
        16, ge=1, le=1000, description="Questions to a model at the same time, per process"
    )
    fair_share: float = Field(
        0,
        ge=0,
        le=1,
        description="Largest part of these places, and of those to wait, for one key, user or address at once; 0: all",
    )
    llm_refusal_ttl_seconds: int = Field(
        86400, ge=0, le=31_536_000, description="Seconds for which a refused image is not asked about again; 0: none"
    )
    llm_fallback_provider: Provider | None = Field(
        None, description="Provider asked when the first fails or refuses, within the same LLM_TIMEOUT; empty: none"
    )
    llm_fallback_api_key: AsciiSecret = Field(SecretStr(""), description="API key for the fallback")
    llm_fallback_model: str | None = Field(None, max_length=100, description="Model name for the fallback")
    llm_fallback_base_url: HttpAddress | None = Field(None, description="API address for the fallback")
    local_fallback: LocalFallback = Field(
        "off",
        description="`unavailable`: while no model can be asked the embedded network answers, marked `degraded`, and "
        "its answer is not kept",
    )
    local_first: LocalFirst = Field(
        "off",
        description="A confidence from 0.8 to 1: what the embedded network is so sure of it answers, "
        "for nothing; the rest is asked",
    )
    description_language: str = Field("Chinese", max_length=40, description="Language of the descriptions")

    @model_validator(mode="after")
    def _models_are_complete(self) -> Self:
        _check_complete(self.primary, "LLM")
        if self.fallback is not None:
            _check_complete(self.fallback, "LLM_FALLBACK")
        return self

    @model_validator(mode="after")
    def _network_stands_beside_a_model(self) -> Self:
        if self.llm_fallback_provider == "local":
            raise ValueError("LLM_FALLBACK_PROVIDER: the embedded network is LOCAL_FALLBACK=unavailable")
        if self.provider == "local" and self.local_first != "off":
            raise ValueError("LOCAL_FIRST: needs a model beside the network, and LLM_PROVIDER is local")
        if self.provider == "local" and self.local_fallback != "off":
            raise ValueError("LOCAL_FALLBACK: needs a model beside the network, and LLM_PROVIDER is local")
        return self

    @property
    def provider(self) -> Provider:
        """The provider in effect."""
        return self.llm_provider or ("openai" if self.llm_api_key.get_secret_value() else "local")

    @property
    def deferred_seconds(self) -> float:
        """The whole time of a question with lane=deferred."""
        return self.deferred_timeout + self.llm_timeout

    @property
    def uses_network(self) -> bool:
        """Whether the embedded network answers, alone, first or at last."""
        return self.network_setting is not None

    @property
    def network_setting(self) -> str | None:
        """The setting that has the embedded network answer, if one does."""
        if self.provider == "local":
            return "LLM_PROVIDER"
        if self.local_first != "off":
            return "LOCAL_FIRST"
        return "LOCAL_FALLBACK" if self.local_fallback != "off" else None

    @property
    def local_from(self) -> float | None:
        """The confidence from which answers of the embedded network are served; None: none are."""
        if self.provider == "local":
            return 0
        return None if self.local_first == "off" else self.local_first

    @property
    def primary(self) -> ModelEndpoint:
        """The model that is asked first."""
        return ModelEndpoint(self.provider, self.llm_api_key.get_secret_value(), self.llm_model, self.llm_base_url)

    @property
    def fallback(self) -> ModelEndpoint | None:
        """The model that is asked when the first fails or refuses, if any."""
        if self.llm_fallback_provider is None:
            return None
        key = self.llm_fallback_api_key.get_secret_value()
        return ModelEndpoint(self.llm_fallback_provider, key, self.llm_fallback_model, self.llm_fallback_base_url)

    @property
    def image_max_side(self) -> int:
        """Longest side of the image sent: 504 = 18 of Claude's 28-pixel patches, 512 = 16 of OpenAI's 32."""
        return self.llm_image_max_side or (504 if self.provider == "claude" else 512)


def _check_complete(model: ModelEndpoint, prefix: str) -> None:
    if model.provider in DEFAULT_MODELS and not model.api_key:
        raise ValueError(f"{prefix}_API_KEY: is required for {prefix}_PROVIDER={model.provider}")
    if model.provider == "custom" and not (model.base_url and model.model):
        raise ValueError(f"{prefix}_BASE_URL: is required, with {prefix}_MODEL, for {prefix}_PROVIDER=custom")
