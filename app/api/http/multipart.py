"""Multipart forms, in memory: few parts, each name once, small but for the files."""

import re

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from app.errors import InvalidRequest

IMAGE = "image"
"""The name of the part that is the photo, whether or not it has a file name."""

MAX_FIELD_BYTES = 1024
MAX_PARTS = 5
_PLAIN_ENCODINGS = ("binary", "8bit", "7bit")
# Clients also send boundaries without the quotes that some of their characters would need.
_BOUNDARY = re.compile(rb';[ \t]*boundary=(?:"([^"]+)"|([^"; \t]+))', re.IGNORECASE)


class MultipartForm:
    """Takes the body of a form in chunks, and gives its complete parts by name. Files but the image come out empty."""

    def __init__(self, content_type: bytes) -> None:
        """Raises `InvalidRequest` if the content type has no boundary."""
        boundary = _BOUNDARY.search(content_type)
        if boundary is None:
            raise InvalidRequest("Content-Type has no boundary: let the HTTP library set it.")
        # File names come in any encoding, and nobody reads them.
        self._parser = PushMultipartParser(boundary[1] or boundary[2], header_charset="latin-1")
        self.parts: dict[str, bytes] = {}
        self._names: set[str] = set()
        self._name = ""
        self._is_foreign_file = False
        self._chunks: list[bytes] = []
        self._size = 0

    @property
    def has_parts(self) -> bool:
        """Whether a part has begun."""
        return bool(self._names)

    @property
    def is_cut_off(self) -> bool:
        """Whether a part has begun and not ended."""
        return self._name in self._names and self._name not in self.parts

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises `InvalidRequest` where it is not such a form."""
        if not chunk:
            return  # to the parser it would mean the end
        try:
            for event in self._parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    self._begin_part(event)
                elif event is None:
                    self.parts[self._name] = b"".join(self._chunks)
                    self._chunks = []
                else:
                    self._take(event)
        except MultipartError:
            raise InvalidRequest("body: is not well-formed multipart/form-data.") from None

    def _begin_part(self, part: MultipartSegment) -> None:
        if part.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN_ENCODINGS:
            raise InvalidRequest("body: a part has a Content-Transfer-Encoding, which forms do not have (RFC 7578).")
        if not part.name:
            raise InvalidRequest("body: a part has no name.")
        if part.name in self._names:
            raise InvalidRequest("body: two parts have the same name.")
        if len(self._names) == MAX_PARTS:
            raise InvalidRequest(f"body: has more than {MAX_PARTS} parts.")
        self._names.add(part.name)
        self._name, self._size = part.name, 0
        self._is_foreign_file = part.name != IMAGE and part.filename is not None

    def _take(self, piece: bytes) -> None:
        if self._is_foreign_file:
            return
        self._size += len(piece)
        if self._size > MAX_FIELD_BYTES and self._name != IMAGE:
            raise InvalidRequest(f"body: a part other than '{IMAGE}' is longer than {MAX_FIELD_BYTES} bytes.")
        self._chunks.append(piece)
