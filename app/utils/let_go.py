"""Errors that let go of what they went through."""

from traceback import clear_frames


def let_go(error: BaseException | None) -> None:
    """Free what an error's traceback holds: the locals of all it went through, an upload among them.

    Futures that keep the error would keep them until the garbage is collected. Causes may form a circle.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
