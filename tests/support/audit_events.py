"""What Python code asks of the system, as the interpreter tells it: files opened, renamed, locked."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Listener = Callable[[str, tuple[Any, ...]], None]

_listeners: list[Listener] = []


def _tell(event: str, arguments: tuple[Any, ...]) -> None:
    for listener in _listeners:
        listener(event, arguments)


sys.addaudithook(_tell)  # cannot be removed, and does nothing while nobody listens


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call the listener before each step of any thread, for the time of the block. Its own steps are told to it too."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
