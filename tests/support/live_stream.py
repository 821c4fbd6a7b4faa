"""A client of the live feed's stream."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

STREAM = "/api/v1/stats/live/stream"


@dataclass
class LiveStream:
    """An open stream, and the names of the events that have come."""

    response: httpx.Response
    lines: Iterator[str]

    def next_event(self) -> tuple[str, Any]:
        """Wait for the next event; return its name and its data."""
        name = ""
        for line in self.lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                return name, json.loads(value)
        raise EOFError

    def wait_for(self, condition: Callable[[str, Any], bool], seconds: float = 20) -> tuple[str, Any]:
        """Return the first event of which the condition holds. Fails where none has come in time."""
        end = time.monotonic() + seconds
        while not condition(*(event := self.next_event())):
            assert time.monotonic() < end, event
        return event

    def wait_for_requests(self, number: int) -> Any:
        """Return the data of the first event that has so many requests of today, or more."""
        _, data = self.wait_for(lambda name, data: name == "live" and data["today"]["total_requests"] >= number)
        return data


@contextmanager
def open_stream(client: httpx.Client) -> Iterator[LiveStream]:
    """Open a stream, and hang up at the end of the block."""
    with client.stream("GET", STREAM, timeout=30) as response:
        yield LiveStream(response, response.iter_lines())
