"""The address of a Redis, as a setting: a secret, since it may hold a password."""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, SecretStr

from app.setting_types import parsed_by

_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})


def _check(url: str) -> None:
    form = "takes an address such as redis://:password@host:6379/0, or rediss:// for TLS"
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        known = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0 and url.isprintable()
    except ValueError:  # its text may quote the password
        raise ValueError(form) from None
    database = parts.path.strip("/") or "0"
    if not known or not (database.isascii() and database.isdecimal()) or parts.fragment or " " in url:
        raise ValueError(form)
    if unknown := set(options) - _OPTIONS:
        raise ValueError(f"knows no option {min(unknown)}: only {', '.join(sorted(_OPTIONS))}")


RedisAddress = Annotated[SecretStr, AfterValidator(parsed_by(_check))]
