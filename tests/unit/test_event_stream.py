"""A stream of events ends when its client hangs up, when there is nothing more to say, or when its client sleeps."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message

from app.api.http.event_stream import EventStream
from app.errors import Overloaded
from tests.support.waiting import until


@dataclass
class FakeClient:
    """What is on the other end of a connection."""

    sent: list[Message] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False

    def __post_init__(self) -> None:
        self.takes.set()

    async def receive(self) -> Message:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            await self.takes.wait()
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_complete(self) -> bool:
        return not self.sent[-1].get("more_body", False)


@dataclass
class Source:
    """Texts, and who holds a place."""

    held: int = 0
    closed: bool = False
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def place(self) -> Iterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    async def texts(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            await self.go_on.wait()
            yield b"second"
        finally:
            self.closed = True


def scope(**state: Any) -> dict[str, Any]:
    return {"type": "http", "state": state}


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


async def test_texts_are_sent_as_they_come_and_the_answer_is_complete(source: Source, client: FakeClient) -> None:
    stream = EventStream(source.place(), source.texts())
    sending = asyncio.create_task(stream(scope(), client.receive, client.send))
    await until(lambda: client.body == b"first")
    assert source.held == 1

    source.go_on.set()
    await sending

    assert (client.body, client.is_complete, source.held) == (b"firstsecond", True, 0)
    headers = dict(client.sent[0]["headers"])
    assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert headers[b"x-accel-buffering"] == b"no"
    assert b"content-length" not in headers


async def test_a_client_that_hangs_up_frees_its_place_at_once(source: Source, client: FakeClient) -> None:
    stream = EventStream(source.place(), source.texts())
    sending = asyncio.create_task(stream(scope(), client.receive, client.send))
    await until(lambda: client.body == b"first")

    client.hung_up.set()
    await sending

    assert (source.held, source.closed) == (0, True)


async def test_a_client_that_takes_nothing_is_given_up(source: Source, client: FakeClient) -> None:
    client.takes.clear()
    stream = EventStream(source.place(), source.texts(), send_seconds=0.05)

    await stream(scope(), client.receive, client.send)

    assert (client.body, source.held, source.closed) == (b"", 0, True)


async def test_who_asks_for_the_head_alone_gets_no_stream(source: Source, client: FakeClient) -> None:
    await EventStream(source.place(), source.texts())(scope(signed_method="HEAD"), client.receive, client.send)

    assert (client.body, client.is_complete, source.held) == (b"", True, 0)


async def test_a_refusal_comes_before_the_head(source: Source, client: FakeClient) -> None:
    @contextmanager
    def refuse() -> Iterator[None]:
        raise Overloaded
        yield

    with pytest.raises(Overloaded):
        await EventStream(refuse(), source.texts())(scope(), client.receive, client.send)

    assert client.sent == []


async def test_a_defect_of_the_texts_is_not_hidden(source: Source, client: FakeClient) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"first"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await EventStream(source.place(), broken())(scope(), client.receive, client.send)

    assert source.held == 0
