"""Settings: defaults that work, and one clear line for what does not."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.config import Settings, describe, load_settings, unknown_names
from tests.conftest import make_settings

KEY, KEY2 = "a-key-for-the-apps-7f3a9c51", "a-key-for-operators-51d2e84b"


def complaint(**values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        make_settings(**values)
    return "; ".join(describe(caught.value))


def test_without_any_setting_the_service_is_embedded() -> None:
    settings = make_settings()

    assert settings.provider == "local"
    assert settings.mysql_host is None


def test_an_api_key_alone_means_openai() -> None:
    settings = make_settings(llm_api_key="sk-1")

    assert settings.provider == "openai"
    assert settings.primary.model == "gpt-6-luna"


def test_the_image_sent_fits_the_patches_of_the_vendor() -> None:
    assert make_settings(llm_provider="claude", llm_api_key="k").image_max_side == 504
    assert make_settings(llm_provider="openai", llm_api_key="k").image_max_side == 512
    assert make_settings(llm_provider="openai", llm_api_key="k", llm_image_max_side=768).image_max_side == 768


@pytest.mark.parametrize(
    ("values", "variable"),
    [
        ({"llm_timeout": 0}, "LLM_TIMEOUT"),
        ({"app_port": 70000}, "APP_PORT"),
        ({"max_image_size_mb": "ten"}, "MAX_IMAGE_SIZE_MB"),
        ({"llm_provider": "gemini"}, "LLM_PROVIDER"),
        ({"llm_provider": "claude"}, "LLM_API_KEY"),
        ({"llm_provider": "custom", "llm_api_key": "k"}, "LLM_BASE_URL"),
        ({"llm_fallback_provider": "claude"}, "LLM_FALLBACK_API_KEY"),
        ({"llm_fallback_provider": "custom"}, "LLM_FALLBACK_BASE_URL"),
        ({"llm_fallback_provider": "local", "llm_api_key": "k"}, "LLM_FALLBACK_PROVIDER"),
        ({"local_first": "0.79", "llm_api_key": "k"}, "LOCAL_FIRST"),
        ({"local_first": "1.1", "llm_api_key": "k"}, "LOCAL_FIRST"),
        ({"local_first": "on", "llm_api_key": "k"}, "LOCAL_FIRST"),
        ({"local_first": "nan", "llm_api_key": "k"}, "LOCAL_FIRST"),
        ({"local_first": "0.9"}, "LOCAL_FIRST"),
        ({"daily_budget": -1}, "DAILY_BUDGET"),
        ({"daily_budget": "nan"}, "DAILY_BUDGET"),
        ({"monthly_budget": 100_000_001}, "MONTHLY_BUDGET"),
        ({"monthly_budget": "1", "cost_per_api_call": 0, "llm_api_key": "k"}, "MONTHLY_BUDGET"),
        ({"daily_budget": "1", "cost_per_api_call": 0, "llm_api_key": "k"}, "DAILY_BUDGET"),
        ({"daily_calls_per_client": -1}, "DAILY_CALLS_PER_CLIENT"),
        ({"fair_share": 1.01}, "FAIR_SHARE"),
        ({"fair_share": "nan"}, "FAIR_SHARE"),
        ({"local_fallback": "unavailable"}, "LOCAL_FALLBACK"),
        ({"local_fallback": "always", "llm_api_key": "k"}, "LOCAL_FALLBACK"),
        ({"llm_base_url": "not a url"}, "LLM_BASE_URL"),
        ({"llm_fallback_base_url": "ftp://x"}, "LLM_FALLBACK_BASE_URL"),
        ({"llm_api_key": "schlüssel"}, "LLM_API_KEY"),
        ({"trusted_proxies": "10.0.0.0/99"}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": "10.0.0.1/8"}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": "*"}, "TRUSTED_PROXIES"),
        ({"api_keys": "too-short"}, "API_KEYS"),
        ({"api_keys": "a-key-of-27-characters-long,x"}, "API_KEYS"),
        ({"api_keys": "a-key-of-many-characters with-a-space"}, "API_KEYS"),
        ({"api_keys": "sha256:0123456789abcdef0123456789abcdef"}, "API_KEYS"),
        ({"api_keys": f"two words:{KEY}"}, "API_KEYS"),
        ({"api_keys": f":{KEY}"}, "API_KEYS"),
        ({"api_keys": f"{'n' * 33}:{KEY}"}, "API_KEYS"),
        ({"api_keys": f"alice:{KEY},bob:{KEY}"}, "API_KEYS"),
        ({"api_keys": "alice:too-short"}, "API_KEYS"),
        ({"api_keys": f"alice:{KEY}", "admin_api_keys": f"bob:{KEY}"}, "ADMIN_API_KEYS"),
        ({"admin_api_keys": "schlüssel-mit-vielen-zeichen"}, "ADMIN_API_KEYS"),
        ({"api_keys": KEY, "admin_api_keys": f"another-key-of-many-characters,{KEY}"}, "ADMIN_API_KEYS"),
        ({"api_keys": KEY, "admin_api_keys": f"sha256:{sha256(KEY.encode()).hexdigest()}"}, "ADMIN_API_KEYS"),
        ({"signing_keys": "a-secret-without-an-id-of-32-characters"}, "SIGNING_KEYS"),
        ({"signing_keys": "app-1:a-secret-too-short"}, "SIGNING_KEYS"),
        ({"signing_keys": f"app-1:{KEY}{KEY},app-1:{KEY2}{KEY2}"}, "SIGNING_KEYS"),
        ({"auth_jwks_url": "issuer"}, "AUTH_JWKS_URL"),
        ({"auth_jwks_url": "https://i/k", "auth_audience": "a"}, "AUTH_ISSUER"),
        ({"auth_jwks_url": "https://i/k", "auth_issuer": "i"}, "AUTH_AUDIENCE"),
        ({"auth_jwks_url": "https://i/k", "auth_issuer": "i", "auth_audience": ","}, "AUTH_AUDIENCE"),
        ({"auth_issuer": "i"}, "AUTH_JWKS_URL"),
        ({"auth_admin_claim": "roles=operator"}, "AUTH_JWKS_URL"),
        ({"auth_admin_claim": "roles"}, "AUTH_ADMIN_CLAIM"),
        ({"auth_algorithms": "RS256,HS256"}, "AUTH_ALGORITHMS"),
        ({"auth_algorithms": "none"}, "AUTH_ALGORITHMS"),
        ({"auth_algorithms": ","}, "AUTH_ALGORITHMS"),
        ({"auth_leeway_seconds": 301}, "AUTH_LEEWAY_SECONDS"),
        ({"auth_public_key": "/no/such/file", "auth_issuer": "i", "auth_audience": "a"}, "AUTH_PUBLIC_KEY"),
        ({"auth_public_key": __file__, "auth_issuer": "i", "auth_audience": "a"}, "AUTH_PUBLIC_KEY"),
        ({"auth_public_key": "k", "auth_jwks_url": "https://i/k"}, "AUTH_PUBLIC_KEY"),
        ({"admin_ip_allowlist": "office"}, "ADMIN_IP_ALLOWLIST"),
        ({"admin_ip_allowlist": "10.0.0.0/8", "trusted_proxies": "0.0.0.0/0"}, "ADMIN_IP_ALLOWLIST"),
        ({"admin_ip_allowlist": "10.0.0.0/8", "trusted_proxies": "10.1.1.1,::/0"}, "ADMIN_IP_ALLOWLIST"),
        ({"mysql_host": "http://db:3306/"}, "MYSQL_HOST"),
        ({"mysql_host": "db,db:3306"}, "MYSQL_HOST"),
        ({"mysql_host": "db", "mysql_ssl_mode": "true"}, "MYSQL_SSL_MODE"),
        ({"mysql_host": "db", "mysql_ssl_mode": "verify_ca", "mysql_ssl_ca": "/nowhere/ca.pem"}, "MYSQL_SSL_CA"),
        ({"mysql_host": "db", "mysql_ssl_mode": "verify_ca", "mysql_ssl_ca": __file__}, "MYSQL_SSL_CA"),
        ({"mysql_host": "db", "mysql_ssl_mode": "required", "mysql_ssl_ca": __file__}, "MYSQL_SSL_CA"),
        ({"mysql_host": "db", "mysql_read_hosts": "a,b:70000"}, "MYSQL_READ_HOSTS"),
        ({"mysql_host": "db", "mysql_read_hosts": "a,http://b"}, "MYSQL_READ_HOSTS"),
        ({"mysql_host": "db", "mysql_read_hosts": "a,a:3306"}, "MYSQL_READ_HOSTS"),
        ({"mysql_read_hosts": "a"}, "MYSQL_READ_HOSTS"),
        ({"redis_url": "redis://redis:6379/0"}, "REDIS_URL"),
        ({"mysql_host": "db", "redis_url": "http://redis:6379"}, "REDIS_URL"),
        ({"mysql_host": "db", "redis_url": "redis://:geheim@redis:port"}, "REDIS_URL"),
        ({"mysql_host": "db", "redis_url": "redis://redis/first"}, "REDIS_URL"),
        ({"mysql_host": "db", "redis_url": "rediss://redis?ssl_cert_reqs=none"}, "REDIS_URL"),
        ({"mysql_database": "image_classifier "}, "MYSQL_DATABASE"),
        ({"mysql_database": "a/b"}, "MYSQL_DATABASE"),
        ({"allowed_image_formats": "jpg,bmp"}, "ALLOWED_IMAGE_FORMATS"),
        ({"allowed_image_formats": ","}, "ALLOWED_IMAGE_FORMATS"),
        ({"stats_timezone": "Mars/Olympus"}, "STATS_TIMEZONE"),
        ({"mysql_password": "pässword"}, "MYSQL_PASSWORD"),
        ({"cost_per_api_call": "-1"}, "COST_PER_API_CALL"),
        ({"env": "production", "llm_provider": "local"}, "MYSQL_HOST"),
        ({"env": "production", "mysql_host": "db"}, "LLM_PROVIDER"),
        ({"env": "production", "mysql_host": "db", "llm_api_key": "k", "app_debug": True}, "APP_DEBUG"),
        ({"env": "production", "mysql_host": "db", "llm_api_key": "k"}, "ADMIN_API_KEYS"),
        ({"env": "production", "mysql_host": "db", "llm_api_key": "k", "api_keys": KEY}, "ADMIN_API_KEYS"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(values: dict[str, object], variable: str) -> None:
    line = complaint(**values)

    assert line.startswith(f"{variable}: ")
    assert "\n" not in line


def test_a_complaint_never_repeats_the_value() -> None:
    assert "geheim" not in complaint(mysql_password="geheim-ß", llm_timeout="geheim", api_keys="geheim")
    assert "geheim" not in complaint(mysql_host="db", redis_url="redis://:geheim@host:port")


def test_processes_share_answers_in_redis_only_where_they_serve_the_same_rows_of_the_same_database() -> None:
    url = "rediss://u:p%40ss@redis:6380/1?ssl_ca_certs=/ca.pem"
    ours: dict[str, Any] = {"mysql_host": "db", "llm_api_key": "k", "redis_url": url}
    others: list[dict[str, Any]] = [
        {"mysql_host": "db2"},
        {"mysql_port": 3307},
        {"mysql_database": "b"},
        {"local_first": 0.9},
    ]

    assert make_settings(**ours).redis_prefix == make_settings(**ours, memory_cache_entries=0).redis_prefix
    prefixes = {make_settings(**{**ours, **changes}).redis_prefix for changes in [{}, *others]}
    assert len(prefixes) == 5


def test_production_takes_the_embedded_parts_when_they_are_named() -> None:
    settings = make_settings(
        env="production", sqlite_path="/data/c.db", llm_provider="local", allow_open_statistics=True
    )

    assert settings.provider == "local"
    assert settings.sqlite_path == Path("/data/c.db")


@pytest.mark.parametrize("values", [{"admin_api_keys": KEY}, {"admin_ip_allowlist": "10.0.0.0/8"}])
def test_production_takes_statistics_that_are_guarded_by_either(values: dict[str, object]) -> None:
    settings = make_settings(env="production", mysql_host="db", llm_api_key="k", **values)

    assert not settings.allow_open_statistics


def test_a_key_given_as_its_hash_is_the_same_key() -> None:
    digest = sha256(KEY.encode()).digest()

    assert make_settings(api_keys=f" {KEY} ,").key_digests == (digest,)
    assert make_settings(api_keys=f"sha256:{digest.hex().upper()}").key_digests == (digest,)


def test_a_key_may_have_a_name_whether_it_is_given_plain_or_as_its_hash() -> None:
    digest, other = sha256(KEY.encode()).digest(), sha256(KEY2.encode()).digest()
    named = make_settings(admin_api_keys=f"alice:{KEY}, {'n' * 32}:sha256:{other.hex()}")

    assert named.admin_key_digests == (digest, other)
    assert named.admin_key_names == {digest: "alice", other: "n" * 32}
    assert make_settings(admin_api_keys=f"{KEY},sha256:{other.hex()}").admin_key_names == {}


def test_the_old_and_the_new_key_of_one_holder_may_have_one_name() -> None:
    settings = make_settings(admin_api_keys=f"alice:{KEY},alice:{KEY2}")

    assert list(settings.admin_key_names.values()) == ["alice", "alice"]


def test_lists_are_separated_by_commas() -> None:
    settings = make_settings(allowed_image_formats=" JPG, png ,", trusted_proxies="10.0.0.0/8,::1")

    assert settings.pillow_formats == {"JPEG", "PNG"}
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")


def test_a_secret_is_not_printed_with_the_settings() -> None:
    printed = repr(
        make_settings(llm_api_key="sk-secret", mysql_password="sk-secret", api_keys=KEY, admin_api_keys=KEY2)
    )

    assert "sk-secret" not in printed
    assert KEY not in printed
    assert KEY2 not in printed


def test_an_env_file_with_comments_and_empty_values_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("LLM_PROVIDER=custom   # ours\nLLM_BASE_URL=http://x/v1\nLLM_MODEL=m\nMYSQL_HOST=\n")
    monkeypatch.chdir(tmp_path)

    settings = Settings()

    assert settings.provider == "custom"
    assert settings.mysql_host is None


def test_a_wrong_variable_ends_the_process_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_MAX_TOKENS", "many")

    with pytest.raises(SystemExit) as caught:
        load_settings()

    assert str(caught.value).startswith("configuration: LLM_MAX_TOKENS: ")


def test_the_sdks_look_for_no_address_in_an_environment_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://stray.example/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://stray.example")

    assert make_settings(llm_api_key="k").primary.base_url == "https://api.openai.com/v1"
    assert make_settings(llm_provider="claude", llm_api_key="k").primary.base_url == "https://api.anthropic.com"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("LLM_PROVIDR=claude", "LLM_PROVIDR: is no setting, in .env (did you mean LLM_PROVIDER?)"),
        ("MYSQL_HOTS=db", "MYSQL_HOTS: is no setting, in .env (did you mean MYSQL_HOST?)"),
        ("mysql_hots=db", "mysql_hots: is no setting, in .env (did you mean MYSQL_HOST?)"),
        ("QWERTZ=1", "QWERTZ: is no setting, in .env"),
        ("sk-ant-a-key-pasted-alone", ".env: has a line that is no NAME=value"),
    ],
)
def test_a_name_in_the_env_file_that_is_no_setting_stops_the_start(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ignored in silence, a misspelt provider would send its key to another vendor."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(f"LLM_PROVIDER=local\n{line}\n")

    with pytest.raises(SystemExit) as caught:
        load_settings()

    assert caught.value.code == f"configuration: {said}"


def test_the_env_file_may_hold_what_is_for_others(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "llm_provider=local\nexport MYSQL_ROOT_PASSWORD=x\nHTTP_PORT=80\nCOMPOSE_PROJECT_NAME=x\n# A=b\n"
    )

    assert unknown_names(env_file) == []
    assert unknown_names(tmp_path / "missing") == []


@pytest.mark.parametrize(
    "compose", ["docker-compose.yml", "deploy/monitoring/compose.yml", "deploy/cluster/compose.yml"]
)
def test_the_env_file_may_hold_every_variable_of_the_compose_files(compose: str, tmp_path: Path) -> None:
    names = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (Path(__file__).parents[2] / compose).read_text(encoding="utf-8")))
    (tmp_path / ".env").write_text("".join(f"{name}=x\n" for name in names))

    assert names
    assert unknown_names(tmp_path / ".env") == []


def test_the_environment_is_for_all_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYSQL_HOTS", "db")

    assert load_settings().mysql_host is None


def test_heic_can_be_switched_on() -> None:
    """It is what iPhones take, and nobody should have to build another container for it."""
    assert "HEIF" in make_settings(allowed_image_formats="jpg,png,heic").pillow_formats
    assert "pillow-heif" in (Path(__file__).parents[2] / "requirements.in").read_text(encoding="utf-8")


def test_a_budget_can_be_spent_at_either_price() -> None:
    make_settings(daily_budget=1, llm_api_key="k")
    make_settings(
        daily_budget=1,
        llm_api_key="k",
        cost_per_api_call=0,
        llm_price_input_per_mtok="0.1",
        llm_price_output_per_mtok="0.4",
    )


COLLECTOR = "http://collector:4318"


@pytest.mark.parametrize(
    ("values", "traces", "metrics"),
    [
        ({}, None, None),
        ({"endpoint": f"{COLLECTOR}/"}, f"{COLLECTOR}/v1/traces", f"{COLLECTOR}/v1/metrics"),
        ({"traces_endpoint": f"{COLLECTOR}/t"}, f"{COLLECTOR}/t", None),
        ({"metrics_endpoint": f"{COLLECTOR}/m"}, None, f"{COLLECTOR}/m"),
        ({"endpoint": COLLECTOR, "traces_endpoint": "http://t/t"}, "http://t/t", f"{COLLECTOR}/v1/metrics"),
    ],
)
def test_each_signal_is_sent_to_its_own_address_or_to_that_of_both(
    values: dict[str, str], traces: str | None, metrics: str | None
) -> None:
    settings = make_settings(**{f"otel_exporter_otlp_{name}": value for name, value in values.items()})

    assert (settings.traces_address, settings.metrics_address) == (traces, metrics)
    assert settings.sends_telemetry == bool(values)


@pytest.mark.parametrize(
    ("values", "traces", "metrics"),
    [
        ({"otel_sdk_disabled": "true"}, False, False),
        ({"otel_sdk_disabled": "false"}, True, True),
        ({"otel_traces_exporter": "none"}, False, True),
        ({"otel_metrics_exporter": "none"}, True, False),
        ({"otel_metrics_exporter": "console,otlp", "otel_traces_exporter": "otlp"}, True, True),
        ({"otel_metrics_exporter": "prometheus", "otel_traces_exporter": "otlp_proto_http"}, True, False),
        ({"otel_metrics_exporter": "none", "otel_traces_exporter": "none"}, False, False),
    ],
)
def test_a_signal_is_sent_unless_the_variables_for_it_turn_it_off(
    values: dict[str, str], traces: bool, metrics: bool
) -> None:
    settings = make_settings(otel_exporter_otlp_endpoint=COLLECTOR, **values)

    assert (settings.traces_address is not None, settings.metrics_address is not None) == (traces, metrics)
    assert settings.sends_telemetry == (traces or metrics)
