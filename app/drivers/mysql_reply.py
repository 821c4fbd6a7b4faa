"""What a MySQL server says of a statement that returns no rows, read without a cursor."""

from pymysql.err import raise_mysql_exception

_ERROR = 0xFF
_LENGTHS = {0xFC: 3, 0xFD: 4, 0xFE: 9}
"""Of a number in a reply, by its first byte; others are a byte long. MySQL's manual: length-encoded integers."""


class Reply:
    """That the statement is done, or failed, or has rows all the same."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes, _encoding: str) -> None:
        self._data = data

    def is_error_packet(self) -> bool:
        return self._data[0] == _ERROR

    def raise_for_error(self) -> None:
        raise_mysql_exception(self._data)

    @property
    def is_done(self) -> bool:
        return self._data[0] == 0

    @property
    def server_status(self) -> int:
        """The state of the connection. Two numbers of 1, 3, 4 or 9 bytes come before it: rows changed, and an id."""
        data = self._data
        start = 1 + _LENGTHS.get(data[1], 1)
        start += _LENGTHS.get(data[start], 1)
        return data[start] | data[start + 1] << 8
