"""Settings: the only reader of the environment. Each room owns its part; here they are put together."""

import hashlib
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.drivers.settings import DEFAULT_SQLITE_PATH, DatabaseSettings
from app.models.domain import Usage
from app.observe import metrics_folder
from app.observe.settings import TelemetrySettings
from app.services.access.sign_in_settings import SignInSettings
from app.services.budget.settings import BudgetSettings
from app.services.cache.settings import CacheSettings
from app.services.identity.settings import IdentitySettings
from app.services.images.settings import ImageSettings
from app.services.model.settings import ModelSettings
from app.services.network.checked_file import what_is_missing
from app.services.records.settings import RecordSettings
from app.services.statistics_settings import StatsSettings
from app.services.upkeep.settings import RetentionSettings

OTHERS_IN_ENV_FILE = frozenset(
    {
        *("MYSQL_ROOT_PASSWORD", "HTTP_PORT", "HTTPS_PORT", "SSL_DIR", "API_MEMORY", "NGINX_MEMORY", "ENV_FILE"),
        *("IMAGE", "CLUSTER_SUBNET", "GRAFANA_PASSWORD"),
        *("TZ", "LANG", "PATH", "HOME", "TMPDIR"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GUNICORN_CMD_ARGS"),
    }
)
"""What `.env` may hold beside settings: docker-compose.yml's own names, and those of the system."""

_PREFIXES_OF_OTHERS = ("COMPOSE_", "DOCKER_", "BUILDKIT_", "PYTHON", "TEST_MYSQL_", "GF_", "LC_", "OTEL_")


class ProcessSettings(BaseModel):
    """The process."""

    env: Literal["development", "production"] = Field(
        "development", description="`production` logs JSON and refuses the embedded defaults unless they are named"
    )
    app_host: str = Field("127.0.0.1", description="Address to listen on")
    app_port: int = Field(8000, ge=1, le=65535, description="TCP port to listen on")
    app_debug: bool = Field(False, description="Reload on code changes and log at DEBUG; never in production")
    web_concurrency: int = Field(0, ge=0, le=256, description="Worker processes under gunicorn; 0: one per core")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged")


class Settings(
    TelemetrySettings,
    BudgetSettings,
    StatsSettings,
    RetentionSettings,
    IdentitySettings,
    ImageSettings,
    ModelSettings,
    RecordSettings,
    CacheSettings,
    DatabaseSettings,
    SignInSettings,
    ProcessSettings,
    BaseSettings,
):
    """All settings. Each has a default that works on a laptop. pydantic lists the fields of the last base first, and in
    that order they are in `.env.example`."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    @model_validator(mode="after")
    def _production_is_explicit(self) -> Self:
        if self.env != "production":
            return self
        if self.app_debug:
            raise ValueError("APP_DEBUG: is not for ENV=production")
        if self.mysql_host is None and self.sqlite_path == DEFAULT_SQLITE_PATH:
            raise ValueError("MYSQL_HOST: ENV=production needs MySQL, or SQLITE_PATH set to a place of its own")
        return self

    @model_validator(mode="after")
    def _serving_is_explicit(self) -> Self:
        if self.env != "production":
            return self
        if self.provider == "local" and self.llm_provider is None:
            raise ValueError("LLM_PROVIDER: ENV=production needs a model, or LLM_PROVIDER=local set by name")
        if not (self.guards_statistics or self.allow_open_statistics):
            raise ValueError(
                "ADMIN_API_KEYS: ENV=production needs keys here or ADMIN_IP_ALLOWLIST, or ALLOW_OPEN_STATISTICS=true"
            )
        return self

    @model_validator(mode="after")
    def _network_can_run(self) -> Self:
        if self.network_setting and (reason := what_is_missing()):
            raise ValueError(f"{self.network_setting}: the embedded network {reason}")
        return self

    @model_validator(mode="after")
    def _budget_can_be_spent(self) -> Self:
        if not self.budget_limits.has_money or self.provider == "local" or self.cost_per_api_call:
            return self
        if not self.prices.cost_of_tokens(Usage(1, 1)):
            name = "DAILY_BUDGET" if self.daily_budget else "MONTHLY_BUDGET"
            raise ValueError(f"{name}: is never spent while a call costs nothing (COST_PER_API_CALL, or both prices)")
        return self

    @model_validator(mode="after")
    def _what_is_beside_mysql_has_one(self) -> Self:
        if self.redis_url is not None and self.mysql_host is None:
            raise ValueError("REDIS_URL: is for processes that share MySQL: set MYSQL_HOST, or leave it empty")
        if self.mysql_read_hosts and self.mysql_host is None:
            raise ValueError("MYSQL_READ_HOSTS: names replicas of the server in MYSQL_HOST, which is not set")
        return self

    @property
    def redis_prefix(self) -> str:
        """What keys in Redis begin with: equal for processes that serve the same rows of the same database."""
        served = (sorted(self.mysql_servers), self.mysql_database, self.local_from)
        return f"photos:{hashlib.sha256(repr(served).encode()).hexdigest()[:12]}:"

    @property
    def memory_entries(self) -> int:
        """How many answers are kept in memory: 0 for the network's, since a model's is to be seen at once."""
        return 0 if self.provider == "local" else self.memory_cache_entries

    @property
    def tells_costs(self) -> bool:
        """Whether everybody may know what a model call costs."""
        return not self.guards_statistics if self.show_costs is None else self.show_costs


class CommandSettings(Settings):
    """The settings of a command, which serves nobody and asks no model: it needs the database's alone."""

    @model_validator(mode="after")
    def _serving_is_explicit(self) -> Self:
        return self

    @model_validator(mode="after")
    def _models_are_complete(self) -> Self:
        return self

    @model_validator(mode="after")
    def _key_file_can_be_read(self) -> Self:
        return self

    @model_validator(mode="after")
    def _network_can_run(self) -> Self:
        return self


def load_settings(kind: type[Settings] = Settings) -> Settings:
    """Read the settings, or end the process with one line that names each wrong variable."""
    settings, reasons = read_settings(kind)
    if settings is None or reasons:
        sys.exit(f"configuration: {'; '.join(reasons)}")
    if settings.sends_telemetry:
        _hand_on_telemetry_variables()
    return settings


def _hand_on_telemetry_variables() -> None:
    """Let OpenTelemetry's own variables hold from `.env` as well: its SDK reads the environment alone."""
    for name, value in dotenv_values(str(Settings.model_config["env_file"])).items():
        if name.startswith("OTEL_") and value:
            os.environ.setdefault(name, value)


def read_settings(kind: type[Settings] = Settings) -> tuple[Settings | None, list[str]]:
    """Return the settings, if they can be had, and a reason for each variable that is wrong or unknown."""
    reasons = unknown_names(Path(str(Settings.model_config["env_file"])))
    try:
        return kind(), reasons
    except ValidationError as error:
        return None, [*reasons, *describe(error)]


def library_path() -> str | None:
    """Return where this process was told to look for libraries. That is the loader's affair, and no setting."""
    return os.environ.get("LD_LIBRARY_PATH")


def metrics_folder_path() -> Path | None:
    """Return where gunicorn_config.py lets processes keep their figures for each other; None: this one is alone."""
    name = os.environ.get(metrics_folder.VARIABLE)
    return Path(name) if name else None


def unknown_names(env_file: Path) -> list[str]:
    """Return a reason for each name in the file that is no setting: misspelt, it would be ignored in silence.

    A key would then go to another vendor, or the records into another database. Variables of the environment are not
    judged: they are for all programs.
    """
    known = {name.upper() for name in Settings.model_fields}
    reasons = []
    for name, value in dotenv_values(env_file, interpolate=False).items():
        if value is None:  # its text is not repeated: it may be a key
            reasons.append(f"{env_file}: has a line that is no NAME=value")
        elif name.upper() not in known | OTHERS_IN_ENV_FILE and not name.upper().startswith(_PREFIXES_OF_OTHERS):
            closest = "".join(get_close_matches(name.upper(), known, n=1))
            reasons.append(f"{name}: is no setting, in {env_file}" + (f" (did you mean {closest}?)" if closest else ""))
    return reasons


def describe(error: ValidationError) -> list[str]:
    """Return what is wrong, each as `VARIABLE: reason`, without the values, which may be secrets."""
    return [
        f"{str(item['loc'][0]).upper()}: {_reason(item['msg'])}" if item["loc"] else _reason(item["msg"])
        for item in error.errors(include_input=False, include_url=False)
    ]


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")
