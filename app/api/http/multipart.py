"""Multipart forms, in memory: few parts, each name as often as it may be, small but for the photos."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from app.errors import InvalidRequest

MAX_FIELD_BYTES = 1024
_TWO_OF_ONE_NAME = "body: two parts have the same name."
_PLAIN_ENCODINGS = ("binary", "8bit", "7bit")
# Clients also send boundaries without the quotes that some of their characters would need.
_BOUNDARY = re.compile(rb';[ \t]*boundary=(?:"([^"]+)"|([^"; \t]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FormRules:
    """What a form may have. `image` is the name of the parts that are photos, whether or not they have a file name."""

    image: str
    max_parts: int
    most_of: Mapping[str, int] = field(default_factory=dict)
    """How many parts may have a name; others once."""


ONE_PHOTO = FormRules("image", max_parts=5)


class MultipartForm:
    """Takes the body of a form in chunks, and gives its complete parts by name. Files but photos come out empty."""

    def __init__(self, content_type: bytes, rules: FormRules = ONE_PHOTO) -> None:
        """Raises `InvalidRequest` if the content type has no boundary."""
        boundary = _BOUNDARY.search(content_type)
        if boundary is None:
            raise InvalidRequest("Content-Type has no boundary: let the HTTP library set it.")
        # File names come in any encoding, and nobody reads them.
        self._parser = PushMultipartParser(boundary[1] or boundary[2], header_charset="latin-1")
        self._rules = rules
        self._parts: dict[str, list[bytes]] = {}
        self._begun: list[str] = []
        self._name = ""
        self._is_within_part = False
        self._is_foreign_file = False
        self._chunks: list[bytes] = []
        self._size = 0

    @property
    def has_parts(self) -> bool:
        """Whether a part has begun."""
        return bool(self._begun)

    @property
    def is_cut_off(self) -> bool:
        """Whether a part has begun and not ended."""
        return self._is_within_part

    def first(self, name: str) -> bytes | None:
        """Return the first part of this name, or None."""
        return next(iter(self.all_of(name)), None)

    def all_of(self, name: str) -> list[bytes]:
        """Return the parts of this name, in their order."""
        return self._parts.get(name, [])

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises `InvalidRequest` where it is not such a form."""
        if not chunk:
            return  # to the parser it would mean the end
        try:
            for event in self._parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    self._begin_part(event)
                elif event is None:
                    self._parts.setdefault(self._name, []).append(b"".join(self._chunks))
                    self._chunks = []
                    self._is_within_part = False
                else:
                    self._take(event)
        except MultipartError:
            raise InvalidRequest("body: is not well-formed multipart/form-data.") from None

    def _begin_part(self, part: MultipartSegment) -> None:
        if part.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN_ENCODINGS:
            raise InvalidRequest("body: a part has a Content-Transfer-Encoding, which forms do not have (RFC 7578).")
        if not part.name:
            raise InvalidRequest("body: a part has no name.")
        rules = self._rules
        if self._begun.count(part.name) == rules.most_of.get(part.name, 1):
            most = rules.most_of.get(part.name)
            raise InvalidRequest(f"body: has more than {most} parts named '{part.name}'." if most else _TWO_OF_ONE_NAME)
        if len(self._begun) == rules.max_parts:
            raise InvalidRequest(f"body: has more than {rules.max_parts} parts.")
        self._begun.append(part.name)
        self._name, self._size, self._is_within_part = part.name, 0, True
        self._is_foreign_file = part.name != rules.image and part.filename is not None

    def _take(self, piece: bytes) -> None:
        if self._is_foreign_file:
            return
        self._size += len(piece)
        image = self._rules.image
        if self._size > MAX_FIELD_BYTES and self._name != image:
            raise InvalidRequest(f"body: a part other than '{image}' is longer than {MAX_FIELD_BYTES} bytes.")
        self._chunks.append(piece)
