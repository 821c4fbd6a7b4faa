"""The types of settings that need more than pydantic's own: each says in one line, without the value, what it takes."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode


def split_list(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def split(value: object) -> object:
    """Split the text of a setting; leave what is a list already."""
    return split_list(value) if isinstance(value, str) else value


def parsed_by(parse: Callable[[str], object]) -> Callable[[SecretStr], SecretStr]:
    """Return the check of a secret that `parse` must be able to read."""

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


def _database_name(name: str) -> str:
    if not re.fullmatch(r"[^\s`/\\.]([^`/\\.]{0,62}[^\s`/\\.])?", name):
        raise ValueError("takes the name of a database alone, without spaces around it")
    return name


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
AsciiSecret = Annotated[SecretStr, AfterValidator(parsed_by(_ascii))]
"""MySQL's driver encodes passwords as latin-1, and headers carry keys: both would fail late on anything else."""

HttpAddress = Annotated[str, AfterValidator(_http_address)]
DatabaseName = Annotated[str, AfterValidator(_database_name)]
