"""Settings: the only reader of the environment. Everything else is handed plain values by `container.py`."""

import sys
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.models.access_settings import Network, parse_keys, parse_networks, parse_signing_keys
from app.models.model_settings import DEFAULT_MODELS, ModelSettings, Provider
from app.models.setting_types import AsciiSecret, CommaSeparated, HostName, HttpAddress, Keys, Networks, SigningKeys

DEFAULT_SQLITE_PATH = Path("data/classifier.db")

IMAGE_FORMATS = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "avif": "AVIF",
    "heic": "HEIF",
    "heif": "HEIF",
}
"""The names ALLOWED_IMAGE_FORMATS takes, and what Pillow calls them."""


class Settings(BaseSettings):
    """All settings, in the order of `.env.example`. Each has a default that works on a laptop."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    # The process
    env: Literal["development", "production"] = Field(
        "development", description="`production` logs JSON and refuses the embedded defaults unless they are named"
    )
    app_host: str = Field("127.0.0.1", description="Address to listen on")
    app_port: int = Field(8000, ge=1, le=65535, description="TCP port to listen on")
    app_debug: bool = Field(False, description="Reload on code changes and log at DEBUG; never in production")
    web_concurrency: int = Field(0, ge=0, le=256, description="Worker processes under gunicorn; 0: one per core")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged")
    trusted_proxies: Networks = Field(
        ("127.0.0.1",), description="Addresses or CIDR ranges whose X-Forwarded-For is believed, comma-separated"
    )

    # Who may call
    api_keys: Keys = Field(
        SecretStr(""), description="Keys for the apps, comma-separated, each plain or as `sha256:<hex>`; empty: open"
    )
    admin_api_keys: Keys = Field(
        SecretStr(""), description="Keys for statistics, metrics and other people's records, in the same form"
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

    # The database: MySQL when MYSQL_HOST is set, else SQLite
    mysql_host: HostName | None = Field(None, description="MySQL server; empty: the embedded SQLite database")
    mysql_port: int = Field(3306, ge=1, le=65535, description="MySQL port")
    mysql_user: str = Field("classifier", description="MySQL user")
    mysql_password: AsciiSecret = Field(SecretStr(""), description="MySQL password, ASCII characters only")
    mysql_database: str = Field("image_classifier", description="MySQL database, prepared with sql/init.sql")
    mysql_pool_size: int = Field(10, ge=1, le=200, description="Connections per worker process")
    sqlite_path: Path = Field(DEFAULT_SQLITE_PATH, description="Database file used without MYSQL_HOST")

    # The cache in memory, in front of the database
    memory_cache_entries: int = Field(
        10_000, ge=0, le=10_000_000, description="Answers kept in memory per process, about 1 KB each; 0: none"
    )
    memory_cache_ttl_seconds: float = Field(
        300, gt=0, le=86_400, description="Seconds until an answer in memory is read from the database again"
    )

    # Records that the database does not take wait here
    spool_dir: Path = Field(
        Path("data/spool"), description="Folder for records that wait for a database that is away; keep it on a disk"
    )
    spool_max_mb: int = Field(
        1024, ge=1, le=1_048_576, description="Most MiB of such records per process; beyond it requests are refused"
    )

    # The model
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
    llm_image_max_side: int | None = Field(
        None, ge=200, le=4096, description="Longest side in pixels sent to the model; empty: by provider (504 or 512)"
    )
    llm_max_concurrency: int = Field(
        16, ge=1, le=1000, description="Questions to a model at the same time, per process"
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
    description_language: str = Field("Chinese", max_length=40, description="Language of the descriptions")

    # Images
    max_image_size_mb: float = Field(10, gt=0, le=50, description="Largest accepted image file in MiB")
    max_uploads_in_flight_mb: int = Field(
        256, ge=1, le=1_048_576, description="Most MiB of uploads in memory per process; beyond it they are refused"
    )
    image_max_pixels: int = Field(
        50_000_000, ge=10_000, le=200_000_000, description="Most pixels of an image; other formats than JPEG: 24000000"
    )
    allowed_image_formats: CommaSeparated = Field(
        ("jpg", "jpeg", "png", "webp", "gif"),
        description="Accepted formats, judged by content: also avif, heic (needs pillow-heif)",
    )

    # Records and statistics
    enable_request_log: bool = Field(True, description="Whether answered requests get a row in request_log")
    log_retention_days: int = Field(90, ge=0, le=36500, description="Days a request_log row is kept; 0: for ever")
    cost_per_api_call: Decimal = Field(
        Decimal("0.01"), ge=0, le=1_000_000, description="Cost of one model call, for the statistics"
    )
    llm_price_input_per_mtok: Decimal | None = Field(
        None, ge=0, le=1_000_000, description="Price of a million input tokens, for the real cost in the statistics"
    )
    llm_price_output_per_mtok: Decimal | None = Field(
        None, ge=0, le=1_000_000, description="Price of a million output tokens, for the real cost in the statistics"
    )
    stats_timezone: str = Field("UTC", description="IANA time zone that says when `today` begins")

    @field_validator("allowed_image_formats")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.lower() for name in names)
        if not names or any(name not in IMAGE_FORMATS for name in names):
            raise ValueError(f"takes one or more of {', '.join(IMAGE_FORMATS)}")
        if {"heic", "heif"} & set(names) and find_spec("pillow_heif") is None:
            raise ValueError("heic needs the package pillow-heif, which is not installed")
        return names

    @field_validator("stats_timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("is not an IANA time zone such as UTC or Asia/Shanghai")
        return name

    @model_validator(mode="after")
    def _models_are_complete(self) -> Self:
        _check_complete(self.primary, "LLM")
        if self.fallback is not None:
            _check_complete(self.fallback, "LLM_FALLBACK")
        return self

    @model_validator(mode="after")
    def _access_holds(self) -> Self:
        if set(self.key_digests) & set(self.admin_key_digests):
            raise ValueError("ADMIN_API_KEYS: has a key of API_KEYS, which every app's user can read")
        if self.admin_networks and any(network.prefixlen == 0 for network in parse_networks(self.trusted_proxies)):
            raise ValueError("ADMIN_IP_ALLOWLIST: holds nobody off while TRUSTED_PROXIES believes everybody")
        return self

    @model_validator(mode="after")
    def _production_is_explicit(self) -> Self:
        if self.env != "production":
            return self
        if self.app_debug:
            raise ValueError("APP_DEBUG: is not for ENV=production")
        if self.mysql_host is None and self.sqlite_path == DEFAULT_SQLITE_PATH:
            raise ValueError("MYSQL_HOST: ENV=production needs MySQL, or SQLITE_PATH set to a place of its own")
        if self.provider == "local" and self.llm_provider is None:
            raise ValueError("LLM_PROVIDER: ENV=production needs a model, or LLM_PROVIDER=local set by name")
        if not (self.admin_key_digests or self.admin_networks or self.allow_open_statistics):
            raise ValueError(
                "ADMIN_API_KEYS: ENV=production needs keys here or ADMIN_IP_ALLOWLIST, or ALLOW_OPEN_STATISTICS=true"
            )
        return self

    @property
    def key_digests(self) -> tuple[bytes, ...]:
        return parse_keys(self.api_keys.get_secret_value())

    @property
    def admin_key_digests(self) -> tuple[bytes, ...]:
        return parse_keys(self.admin_api_keys.get_secret_value())

    @property
    def signing_secrets(self) -> dict[str, bytes]:
        """The secrets by their ids."""
        return parse_signing_keys(self.signing_keys.get_secret_value())

    @property
    def admin_networks(self) -> tuple[Network, ...]:
        return parse_networks(self.admin_ip_allowlist)

    @property
    def provider(self) -> Provider:
        """The provider in effect."""
        return self.llm_provider or ("openai" if self.llm_api_key.get_secret_value() else "local")

    @property
    def primary(self) -> ModelSettings:
        """The model that is asked first."""
        return ModelSettings(self.provider, self.llm_api_key.get_secret_value(), self.llm_model, self.llm_base_url)

    @property
    def fallback(self) -> ModelSettings | None:
        """The model that is asked when the first fails or refuses, if any."""
        if self.llm_fallback_provider is None:
            return None
        key = self.llm_fallback_api_key.get_secret_value()
        return ModelSettings(self.llm_fallback_provider, key, self.llm_fallback_model, self.llm_fallback_base_url)

    @property
    def memory_entries(self) -> int:
        """None while answers are offline guesses: a model's answer, whoever asked it, is to be seen at once."""
        return 0 if self.provider == "local" else self.memory_cache_entries

    @property
    def image_max_side(self) -> int:
        """Longest side of the image sent: 504 = 18 of Claude's 28-pixel patches, 512 = 16 of OpenAI's 32."""
        return self.llm_image_max_side or (504 if self.provider == "claude" else 512)

    @property
    def max_image_bytes(self) -> int:
        return int(self.max_image_size_mb * 1024 * 1024)

    @property
    def pillow_formats(self) -> frozenset[str]:
        return frozenset(IMAGE_FORMATS[name] for name in self.allowed_image_formats)

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.stats_timezone)


def _check_complete(model: ModelSettings, prefix: str) -> None:
    if model.provider in DEFAULT_MODELS and not model.api_key:
        raise ValueError(f"{prefix}_API_KEY: is required for {prefix}_PROVIDER={model.provider}")
    if model.provider == "custom" and not (model.base_url and model.model):
        raise ValueError(f"{prefix}_BASE_URL: is required, with {prefix}_MODEL, for {prefix}_PROVIDER=custom")


def load_settings() -> Settings:
    """Read the settings, or end the process with one line that names each wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        sys.exit(f"configuration: {describe(error)}")


def describe(error: ValidationError) -> str:
    """Return what is wrong as one line of `VARIABLE: reason`, without the values, which may be secrets."""
    return "; ".join(
        f"{str(item['loc'][0]).upper()}: {_reason(item['msg'])}" if item["loc"] else _reason(item["msg"])
        for item in error.errors(include_input=False, include_url=False)
    )


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")
