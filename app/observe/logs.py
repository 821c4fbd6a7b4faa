"""Logging: loguru for everything, one line an event, the request id in every line, never a value of an image."""

import asyncio
import json
import logging
import select
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

_MAX_CAUSES = 10
_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})

request_id_variable: ContextVar[str | None] = ContextVar("request_id", default=None)

# At DEBUG these write requests, image included, into the log.
_QUIET = ("anthropic", "openai", "httpx2", "httpcore2", "aiomysql", "aiosqlite", "PIL", "asyncio")


class AccessLog:
    """Writes the line of each request. By itself, since loguru takes as long for it as the whole hot path.

    Lines of one turn of the event loop are written together.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._lines: list[str] = []

    def write(self, request_id: str, method: str, path: str, status: int, duration_ms: int) -> None:
        """Write the line of a request that was answered. Needs a running event loop."""
        now = time()
        second = int(now)
        before, after = _clock_face(second, self._as_json)
        moment = f"{before}.{int((now - second) * 1000):03}{after}"
        method, path = _quoted(method, self._as_json), _quoted(path, self._as_json)
        if self._as_json:
            line = (
                f'{{"time": "{moment}", "level": "INFO", "message": "request", "method": {method}, '
                f'"path": {path}, "status": {status}, "duration_ms": {duration_ms}, "request_id": "{request_id}"}}\n'
            )
        else:
            line = (
                f"{moment} INFO    request method={method} path={path} status={status} "
                f"duration_ms={duration_ms} request_id='{request_id}'\n"
            )
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(line)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []  # gone whatever happens: an output that fails must not make them pile up
        for together in _portions(lines):
            sys.stdout.write(together)
            sys.stdout.flush()


def _portions(lines: list[str]) -> Iterator[str]:
    """Join lines up to what one write puts into a pipe in one piece: other workers write into the same pipe."""
    together = ""
    for line in lines:
        if together and len(together) + len(line) > select.PIPE_BUF:
            yield together
            together = ""
        together += line
    yield together


@lru_cache(maxsize=2)
def _clock_face(seconds: int, as_json: bool) -> tuple[str, str]:
    """Return local time as it is written, before and after the fraction."""
    moment = datetime.fromtimestamp(seconds).astimezone()
    if not as_json:
        return moment.time().isoformat(), ""
    text = moment.isoformat()
    return text[:19], text[19:]


@lru_cache(maxsize=256)
def _quoted(text: str, as_json: bool) -> str:
    return json.dumps(text) if as_json else repr(text)


def configure_logging(*, level: str, as_json: bool) -> AccessLog | None:
    """Send all logging of this process to standard output: JSON lines for machines, or short lines for people.

    Returns where to write the lines of requests, or None if the level leaves them out.
    """
    render = _render_json if as_json else _render_text

    def write(message: "Message") -> None:
        sys.stdout.write(render(message.record) + "\n")
        sys.stdout.flush()

    # diagnose would print the values of variables, image bytes and keys among them, into tracebacks.
    logger.configure(
        handlers=[{"sink": write, "level": level, "diagnose": False, "backtrace": False, "catch": True, "format": ""}],
        patcher=_add_request_id,
    )
    logging.basicConfig(handlers=[_ToLoguru()], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it says each time what telemetry.py says once
    logging.captureWarnings(True)
    # What damaged metadata makes Pillow say is of no use to anybody.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    # One access line a request is ours; uvicorn's would be a second one, without the request id. It composes none for a
    # logger that reaches no handler.
    logging.getLogger("uvicorn.access").propagate = False
    logging.getLogger("uvicorn.access").disabled = True
    if as_json:
        # What nobody catches Python would write as it is: many lines, with the texts of exceptions.
        sys.excepthook = _log_uncaught
        sys.unraisablehook = _log_thrown_away
        threading.excepthook = _log_thrown_away
    return AccessLog(as_json=as_json) if level in ("DEBUG", "INFO") else None


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.opt(exception=(kind, error, trace)).critical("the process ends by an exception")


def _log_thrown_away(thrown: Any) -> None:
    logger.opt(exception=(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)).error("nobody caught an exception")


class _ToLoguru(logging.Handler):
    """Passes the standard library's records on."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # its arguments are not those that it announces
            message = str(record.msg)
        if record.name == "asyncio":
            message = message.partition("\n")[0]  # below it are the values of exceptions, which may be user data
        level = record.levelname if record.levelname in _LEVELS else record.levelno
        logger.bind(logger=record.name).opt(exception=record.exc_info).log(level, message)


def _add_request_id(record: "Record") -> None:
    request_id = request_id_variable.get()
    if request_id is not None:
        record["extra"].setdefault("request_id", request_id)


def _render_json(record: "Record") -> str:
    line = {
        "time": record["time"].astimezone().isoformat(timespec="milliseconds"),
        "level": record["level"].name,
        "message": record["message"],
        **record["extra"],
    }
    if record["exception"] is not None:
        line["exception"] = _traceback_of(record)
    return json.dumps(line, default=str)


def _render_text(record: "Record") -> str:
    fields = "".join(f" {key}={value!r}" for key, value in record["extra"].items() if value is not None)
    # Whatever a message holds, it stays one line and cannot steer a terminal.
    message = record["message"].encode("unicode_escape").decode("ascii")
    line = f"{record['time']:HH:mm:ss.SSS} {record['level'].name:<7} {message}{fields}"
    return line if record["exception"] is None else f"{line}\n{_traceback_of(record)}"


def _traceback_of(record: "Record") -> str:
    """Return where it happened, without the exceptions' texts: those of drivers and vendors may quote user data."""
    exception = record["exception"]
    if exception is None or exception.value is None:
        return ""
    parts: list[str] = []
    error: BaseException | None = exception.value
    while error is not None and len(parts) < _MAX_CAUSES:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or error.__context__
    return "\ncaused by\n".join(parts)
