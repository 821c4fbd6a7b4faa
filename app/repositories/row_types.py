"""What a row of a batch is."""

from typing import Any

JsonRow = tuple[Any, ...]
"""Values by place, the key first, such as JSON can hold. The statements unpack them and name the places."""
