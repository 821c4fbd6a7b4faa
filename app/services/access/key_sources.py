"""Where an issuer's public keys are read: at an address, or from a file. Bounded in bytes and time.

Imported only where users sign in.
"""

import asyncio
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx2

from app.version import VERSION

FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024
"""Of a key set. The largest issuers' have some 30 KB."""

_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": f"image-classifier/{VERSION}"}


class KeysUnreadable(Exception):
    """The keys could not be read; the text says why, without what was read."""


class KeyAddress:
    """Keys at an address. Redirects are not followed: what the operator has named is what is believed."""

    def __init__(self, url: str, fetch_seconds: float = FETCH_SECONDS) -> None:
        self._url = url
        self._fetch_seconds = fetch_seconds
        self._client = httpx2.AsyncClient(
            headers=_HEADERS,
            follow_redirects=False,
            limits=httpx2.Limits(max_keepalive_connections=0),  # one that was kept may have been closed meanwhile
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def read(self) -> bytes:
        """Return what is there. Raises `KeysUnreadable`."""
        try:
            async with asyncio.timeout(self._fetch_seconds):
                return await self._read()
        except TimeoutError:
            raise KeysUnreadable(f"no answer within {self._fetch_seconds:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise KeysUnreadable(type(error).__name__) from None

    async def _read(self) -> bytes:
        async with self._client.stream("GET", self._url) as response:
            if response.status_code != 200:
                raise KeysUnreadable(f"status {response.status_code}")
            body = bytearray()
            # As it was sent: what is compressed all the same is no JSON, and cannot grow.
            async for part in response.aiter_raw():
                body += part
                if len(body) > MAX_BYTES:
                    raise KeysUnreadable(f"more than {MAX_BYTES} bytes")
            return bytes(body)

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()


class KeyFile:
    """Keys in a file, which another may be put in the place of."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        """Return what is in it. Raises `KeysUnreadable`."""
        try:
            return await asyncio.to_thread(read_key_file, self._path)
        except (OSError, ValueError) as error:
            raise KeysUnreadable(str(error)) from None

    async def close(self) -> None:
        """Do nothing: the file is open while it is read."""


def read_key_file(path: Path) -> bytes:
    """Return what is in a file of keys. Raises OSError, ValueError."""
    with path.open("rb") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    return text
