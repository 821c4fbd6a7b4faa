"""Multipart forms, in memory: few parts, each name once, small but for the files.

It is fed by the parser's callbacks. The parser's own `FormParser` takes four times as long for a photo, and writes
large files to disk.
"""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_FIELD_BYTES = 1024
MAX_PARTS = 5
_PLAIN_ENCODINGS = (b"binary", b"8bit", b"7bit")


class MultipartForm:
    """Takes the body of a form in chunks, and gives its complete parts by name: `files`, which have a file name, and
    `fields`."""

    def __init__(self, boundary: bytes | None) -> None:
        """Raises `FormParserError` if the boundary cannot be one."""
        if not boundary:
            raise FormParserError("no boundary")
        self.files: dict[bytes, bytes] = {}
        self.fields: dict[bytes, bytes] = {}
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._name = b""
        self._is_file = False
        self._chunks: list[bytes] = []
        self._size = 0
        self._parser: MultipartParser | None = MultipartParser(
            boundary,
            {
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises `FormParserError` where it is not such a form."""
        assert self._parser is not None
        self._parser.write(chunk)

    def close(self) -> None:
        """Take no more. The parser and the form hold each other, and with them the photo, until then."""
        self._parser = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value.strip(b" \t")
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if self._headers.get(b"content-transfer-encoding", b"binary").lower() not in _PLAIN_ENCODINGS:
            raise FormParserError("a part is encoded")  # RFC 7578, section 4.7: not to be used
        if b"name" not in options:
            raise FormParserError("a part has no name")
        self._name, self._is_file = options[b"name"], b"filename" in options
        if self._name in self.files or self._name in self.fields:
            raise FormParserError("two parts have the same name")
        if len(self.files) + len(self.fields) >= MAX_PARTS:
            raise FormParserError(f"more than {MAX_PARTS} parts")
        self._headers, self._chunks, self._size = {}, [], 0

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._size > MAX_FIELD_BYTES and not self._is_file:
            raise FormParserError(f"a field is longer than {MAX_FIELD_BYTES} bytes")
        self._chunks.append(data[start:end])

    def _on_part_end(self) -> None:
        parts = self.files if self._is_file else self.fields
        parts[self._name] = b"".join(self._chunks)
        self._chunks = []
