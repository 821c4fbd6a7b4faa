"""Which model: whose, which, where, and what it is when nobody said."""

from dataclasses import dataclass, field
from typing import Literal

Provider = Literal["openai", "claude", "custom", "local"]

DEFAULT_MODELS: dict[str, str] = {"openai": "gpt-6-luna", "claude": "claude-haiku-5-5"}
"""The current small vision model of each vendor, by the SDKs' own lists of names."""

DEFAULT_BASE_URLS = {"openai": "https://api.openai.com/v1", "claude": "https://api.anthropic.com"}
"""Given to the SDKs by name: without one they look for it in environment variables of their own."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """One model: whose, which, where, and the key to it."""

    provider: Provider
    api_key: str = field(repr=False)
    chosen_model: str | None
    chosen_base_url: str | None

    @property
    def model(self) -> str:
        """The model's name; empty for the offline classifier."""
        return self.chosen_model or DEFAULT_MODELS.get(self.provider, "")

    @property
    def base_url(self) -> str:
        """The API's address; empty for the offline classifier."""
        return self.chosen_base_url or DEFAULT_BASE_URLS.get(self.provider, "")
