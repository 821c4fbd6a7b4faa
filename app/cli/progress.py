"""A bar on standard error for what takes long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def shown_progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how much is done, of how much; it draws a bar where somebody sees it."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=max(done, total))
