"""An HTTP server before the service that fails as proxies and networks do, and else hands everything on."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

UPLOAD, CHECK, BATCH = "/api/v1/classify", "/api/v1/classify/check-cache", "/api/v1/classify/check-cache/batch"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What happens to one request in place of its being handed on."""

    status: int | None = None
    """Answered with this, and `body`."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cuts_after_bytes: int | None = None
    """The connection is reset when so much of the body has been read."""
    loses_answer: bool = False
    """Handed on, and the connection is reset in place of the answer."""
    hangs: bool = False
    """Read, and never answered."""


def says(status: int, value: Any, **headers: str) -> Fault:
    """Answer with this JSON."""
    return Fault(status, json.dumps(value).encode(), {"content-type": "application/json", **headers})


def refuses(status: int, code: str, **headers: str) -> Fault:
    """Answer as the service does when it says no."""
    error = {"code": code, "message": "as told"}
    return says(status, {"success": False, "error": error}, **{"x-request-id": "req_1_front", **headers})


class Front:
    """Its orders: `script` holds the faults of the next requests to a path, `always` those of all others to it."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.url = ""
        self.script: dict[str, list[Fault]] = {}
        self.always: dict[str, Fault] = {}
        self.on_request: Callable[[str], object] = lambda path: None
        self.seen: list[tuple[str, bytes, dict[str, str]]] = []
        self.released = threading.Event()
        self.http = httpx.Client(timeout=60, trust_env=False)

    def paths(self) -> list[str]:
        """Return what was asked for, in order."""
        return [path for path, _, _ in self.seen]

    def fault_for(self, path: str) -> Fault | None:
        waiting = self.script.get(path)
        return waiting.pop(0) if waiting else self.always.get(path)

    @classmethod
    @contextmanager
    def running(cls, target: str) -> Iterator["Front"]:
        """Run it before the service at this address until the end of the block."""
        front = cls(target)
        server = _Server(("127.0.0.1", 0), _handler_of(front))
        server.daemon_threads = True
        front.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield front
        finally:
            front.released.set()
            server.shutdown()
            server.server_close()
            thread.join()
            front.http.close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have gone."""


def _handler_of(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            path = self.path.partition("?")[0]
            fault = front.fault_for(path)
            front.on_request(path)
            if fault is not None and fault.cuts_after_bytes is not None:
                self.rfile.read(fault.cuts_after_bytes)
                front.seen.append((path, b"", {}))
                self._reset()
                return
            body = self.rfile.read(int(self.headers["content-length"]))
            front.seen.append((path, body, {name.lower(): value for name, value in self.headers.items()}))
            if fault is not None and fault.hangs:
                front.released.wait()
                self._reset()
            elif fault is not None and fault.status is not None:
                self._answer(fault.status, fault.headers, fault.body)
            else:
                self._hand_on(body, loses_answer=fault is not None)

        def _hand_on(self, body: bytes, *, loses_answer: bool) -> None:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            try:
                answer = front.http.post(front.target + self.path, content=body, headers=kept)
            except httpx.TransportError:
                self._reset()
                return
            if loses_answer:
                self._reset()
                return
            passed = ("content-type", "retry-after", "x-request-id")
            self._answer(
                answer.status_code,
                {name: answer.headers[name] for name in passed if name in answer.headers},
                answer.content,
            )

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _reset(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.connection.close()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
