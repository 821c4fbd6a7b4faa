"""Something awaitable that has begun before anybody waits for it: what is there already costs no timer and no task."""

from collections.abc import Awaitable, Generator
from functools import partial
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Begun(Generic[Value]):
    """Runs something awaitable, in this task, up to the first thing that it has to wait for.

    `is_done` says whether it came to its end, and `value` what it returned. Else this is awaited, once, in the task
    that made it, for the rest. What it raises is raised wherever it runs.
    """

    __slots__ = ("_steps", "_waits_for", "is_done", "value")

    value: Value

    def __init__(self, awaitable: Awaitable[Value]) -> None:
        self._steps = awaitable.__await__()
        self._waits_for: Any = None
        self.is_done = False
        try:
            self._waits_for = next(self._steps)
        except StopIteration as end:
            self.is_done, self.value = True, end.value

    def __await__(self) -> Generator[Any, Any, Value]:
        if self.is_done:
            return self.value
        while True:
            try:
                yield self._waits_for  # handed on to the event loop
            except BaseException as error:  # a cancellation is its own to see
                step = partial(self._steps.throw, error)
            else:
                step = partial(next, self._steps)
            try:
                self._waits_for = step()
            except StopIteration as end:
                self.is_done, self.value = True, end.value
                return self.value
