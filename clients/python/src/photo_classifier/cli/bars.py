"""Bars on standard error for what takes long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int], object]
"""Is told the bytes of a photo that is done."""


@contextmanager
def shown_bar(console: Console, what: str, photos: int, total_bytes: int) -> Iterator[Advance]:
    """Yield what moves a bar in photos and bytes, with the time that is left, where somebody sees it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[photos]}/{task.fields[of]} photos"),
        DownloadColumn(binary_units=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=total_bytes or 1, photos=0, of=photos)
        done = 0

        def advance(size: int) -> None:
            nonlocal done
            done += 1
            bars.update(task, advance=size, photos=done)

        yield advance
