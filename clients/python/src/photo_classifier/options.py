"""How a client behaves. All of it has defaults that suit phones and servers on common networks."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

_API = "/api/v1"
_USER_ID = re.compile(r"[A-Za-z0-9._:@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a photo may take, and how often is asked."""

    total_seconds: float = 120
    """For one photo over all tries, waiting between them included."""
    connect_seconds: float = 5
    check_seconds: float = 15
    """For the answer to a question by hash."""
    answer_seconds: float = 45
    """For a try of an upload, and a second more for each 100 KB of the file. Above the service's `LLM_TIMEOUT`, so that
    its own answer is seen."""
    deferred_total_seconds: float = 1200
    deferred_answer_seconds: float = 960
    """The same two for `lane="deferred"`, where the model may take a quarter of an hour."""
    max_tries: int = 8
    """Of each request."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An id and a secret of the service's `SIGNING_KEYS`."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id!r})"


@dataclass(frozen=True, slots=True)
class Options:
    """Where the service is, who asks, and how."""

    url: str
    """Where the service is, with or without `/api/v1`."""
    api_key: str | None = None
    user_id: str | None = None
    signing_key: SigningKey | None = None
    token: Callable[[], str] | None = None
    """Where users sign in: returns the user's token as it is now, before each request. It must not take long."""
    limits: Limits = Limits()
    shrink_above_bytes: int | None = 1_500_000
    """A larger photo that has to be uploaded is shrunk, where Pillow is installed. None: never."""

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise ValueError("url must begin with http:// or https:// and name a host")
        if self.user_id is not None and not _USER_ID.fullmatch(self.user_id):
            raise ValueError("user_id must be 1 to 64 characters from A-Z a-z 0-9 . _ : @ -")
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable() and self.api_key):
            raise ValueError("api_key must be printable ASCII")
        if self.api_key is not None and self.token is not None:
            raise ValueError("token must be without an api_key, which would be looked at alone")

    def __repr__(self) -> str:
        return f"Options({self.url!r})"

    @property
    def base_url(self) -> str:
        """The address that paths are appended to."""
        url = self.url.rstrip("/")
        return url if url.endswith(_API) else url + _API
