"""One failure told to many callers: each gets an exception of its own."""

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def own_copy(error: E) -> E:
    """Return a new exception like `error`, caused by it.

    An exception object carries the traceback of whoever raised it last. Raised by several callers, it would let one of
    them free or change what belongs to another.
    """
    own = type(error).__new__(type(error), *error.args)
    own.__dict__.update(error.__dict__)
    own.__cause__ = error
    return own
