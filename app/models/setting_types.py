"""The types of settings that need more than pydantic's own: each says in one line, without the value, what it takes."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from app.models.access_settings import parse_keys, parse_networks, parse_signing_keys, split_list


def _split(value: object) -> object:
    return split_list(value) if isinstance(value, str) else value


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    parse_networks(names)
    return names


def _parsed_by(parse: Callable[[str], object]) -> Callable[[SecretStr], SecretStr]:
    def check(secret: SecretStr) -> SecretStr:
        parse(secret.get_secret_value())
        return secret

    return check


def _ascii(text: str) -> None:
    if not text.isascii():
        raise ValueError("takes ASCII characters only")


def _http_address(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
        raise ValueError("takes an address such as http://localhost:11434/v1")
    return url


def _host_name(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", host):
        raise ValueError("takes a host name or address alone")
    return host


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_networks)]
Keys = Annotated[SecretStr, AfterValidator(_parsed_by(parse_keys))]
SigningKeys = Annotated[SecretStr, AfterValidator(_parsed_by(parse_signing_keys))]
AsciiSecret = Annotated[SecretStr, AfterValidator(_parsed_by(_ascii))]
"""MySQL's driver encodes passwords as latin-1, and headers carry keys: both would fail late on anything else."""

HttpAddress = Annotated[str, AfterValidator(_http_address)]
HostName = Annotated[str, AfterValidator(_host_name)]
