"""What the readers of all formats share: the error for a file without a name, and numbers read within bounds."""

import struct

MAX_METADATA_BYTES = 1024 * 1024
"""Most bytes of one piece of metadata that is searched or inflated. Pillow refuses a PNG that inflates to more."""


class NoNameError(Exception):
    """The file is damaged, cut off, or built in a way for which equal pixels cannot be promised."""


OUT_OF_BOUNDS = (NoNameError, IndexError, struct.error)
"""What the readers raise: an index or a number behind the end of the data means that the file is cut off."""


def need(fulfilled: bool) -> None:
    """Raise `NoNameError` unless a rule of the format is kept."""
    if not fulfilled:
        raise NoNameError


def big_16(data: bytes, at: int) -> int:
    """Return two bytes as a number, the high byte first. Raises struct.error behind the end of the data."""
    return int(struct.unpack_from(">H", data, at)[0])


def little_32(data: bytes, at: int) -> int:
    """Return four bytes as a number, the low byte first. Raises struct.error behind the end of the data."""
    return int(struct.unpack_from("<L", data, at)[0])
