"""What goes to the service and what comes back, as plain values. No sockets here."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from photo_classifier.core.signing import signed_headers
from photo_classifier.errors import UnexpectedAnswer
from photo_classifier.options import Options
from photo_classifier.photo import Names
from photo_classifier.version import VERSION

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""No answer of the service is near it: 200 hits are 100 KB."""

Lane = Literal["deferred"]
"""Asked at the vendor's reduced price, and slower."""


@dataclass(frozen=True, slots=True)
class Request:
    """One POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")

    def json(self) -> dict[str, Any]:
        """Return the JSON object that the body is. Raises `UnexpectedAnswer`."""
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise UnexpectedAnswer("The answer is not JSON.", request_id=self.request_id) from error
        if not isinstance(value, dict):
            raise UnexpectedAnswer("The answer is not a JSON object.", request_id=self.request_id)
        return value


def check_request(options: Options, names: Names, wait_ms: int = 0) -> Request:
    """Ask for one photo by its hashes. `wait_ms`: wait so long if it is being asked about right now."""
    question = {**_hashes(names), **({"wait_ms": wait_ms} if wait_ms else {})}
    return _json_request(options, "/classify/check-cache", question)


def check_batch_request(options: Options, many: Sequence[Names]) -> Request:
    """Ask for up to 200 photos by their hashes."""
    items = [{"id": str(index), **_hashes(names)} for index, names in enumerate(many)]
    return _json_request(options, "/classify/check-cache/batch", {"items": items})


def upload_request(options: Options, data: bytes, image_hash: str, lane: Lane | None = None) -> Request:
    """Upload an image file. `image_hash` is its SHA-256, by which the service knows that it arrived whole.

    The file's own name is not sent: it may tell more than the picture does.
    """
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image_hash"\r\n\r\n{image_hash}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join((head.encode(), data, f"\r\n--{boundary}--\r\n".encode()))
    query = f"?lane={lane}" if lane else ""
    return _request(options, "/classify", query, f"multipart/form-data; boundary={boundary}", body)


def _hashes(names: Names) -> dict[str, str]:
    found = {"image_hash": names.image_hash}
    return {**found, "content_hash": names.content_hash} if names.content_hash else found


def _json_request(options: Options, path: str, value: dict[str, Any]) -> Request:
    return _request(options, path, "", "application/json", json.dumps(value).encode())


def _request(options: Options, path: str, query: str, content_type: str, body: bytes) -> Request:
    url = options.base_url + path
    headers = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "accept": "application/json",
        "user-agent": f"photo-classifier-client/{VERSION} python",
    }
    if options.user_id is not None:
        headers["x-user-id"] = options.user_id
    if options.api_key is not None:
        headers["x-api-key"] = options.api_key
    if options.token is not None:
        headers["authorization"] = f"Bearer {options.token()}"
    if options.signing_key is not None:
        headers |= signed_headers(options.signing_key, urlsplit(url).path, options.user_id, body)
    return Request(url + query, headers, body)
