"""The log: one line an event, the request id in it, nothing secret, nothing a caller could forge."""

import asyncio
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO

import pytest
from loguru import logger

from app.observe.logs import configure_logging, request_id_variable

# Here and not in the test: a traceback shows the lines of source.
PIXELS, KEY = b"MARKER-PIXELS", "sk-secret"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    yield
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level
    logger.configure(handlers=[])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_an_event_is_one_json_object_with_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=True)
    token = request_id_variable.set("req_1_a3f5d8c2b1e9")

    logger.info("request", path="/x\nforged {line}", status=200)

    request_id_variable.reset(token)
    (line,) = lines(capsys)
    event = json.loads(line)
    assert event["request_id"] == "req_1_a3f5d8c2b1e9"
    assert (event["level"], event["message"], event["path"]) == ("INFO", "request", "/x\nforged {line}")


def test_uvicorn_composes_no_access_line_that_nobody_reads() -> None:
    configure_logging(level="INFO", as_json=True)

    assert not logging.getLogger("uvicorn.access").hasHandlers()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_break_or_escape_in_a_value_forges_no_line(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=as_json)

    logger.info("request", user="bob\n12:00:00 ERROR forged\x1b[31m")
    logging.getLogger("uvicorn.error").warning("bob\nforged\x1b[31m")

    printed = lines(capsys)
    assert len(printed) == 2
    assert all("\x1b" not in line for line in printed)


@pytest.mark.parametrize("as_json", [True, False])
def test_p3_a_traceback_shows_where_and_never_with_which_values(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="DEBUG", as_json=as_json)

    def fail(image: bytes, api_key: str) -> None:
        raise ValueError(image, api_key)

    try:
        fail(PIXELS, KEY)
    except ValueError:
        logger.exception("unexpected error")

    printed = "\n".join(lines(capsys))
    assert "in fail" in printed
    assert "ValueError" in printed
    assert "MARKER-PIXELS" not in printed
    assert "sk-secret" not in printed


async def test_p3_what_asyncio_says_of_a_lost_exception_does_not_quote_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=True)
    error = ValueError("MARKER-PIXELS")

    context = {"message": "Task exception was never retrieved", "exception": error, "future": "<Task MARKER-PIXELS>"}
    asyncio.get_running_loop().default_exception_handler(context)

    (line,) = lines(capsys)
    assert json.loads(line)["message"] == "Task exception was never retrieved"
    assert "ValueError" in line
    assert "MARKER-PIXELS" not in line


def test_what_nobody_catches_is_one_line_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=True)

    def fail() -> None:
        raise ValueError(PIXELS)

    class Failing:
        def __del__(self) -> None:
            fail()

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Failing()
    sys.excepthook(ValueError, ValueError(PIXELS), None)

    printed = [json.loads(line) for line in lines(capsys)]
    assert [event["level"] for event in printed] == ["ERROR", "ERROR", "CRITICAL"]
    assert all("ValueError" in event["exception"] for event in printed)
    assert "MARKER-PIXELS" not in str(printed)
    assert capsys.readouterr().err == ""


def test_a_warning_of_python_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old\nfashion", DeprecationWarning, stacklevel=1)

    (line,) = lines(capsys)
    assert "old\nfashion" in json.loads(line)["message"]


def test_a_message_with_wrong_arguments_or_an_unknown_level_is_still_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=True)

    logging.getLogger("uvicorn.error").warning("%s and %s", "one")
    logging.getLogger("uvicorn.error").log(35, "unusual")

    first, second = (json.loads(line) for line in lines(capsys))
    assert first["message"] == "%s and %s"
    assert second["message"] == "unusual"


def test_the_loggers_of_the_sdks_never_speak_below_warning(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="DEBUG", as_json=True)

    for name in ("anthropic", "openai", "httpx2", "aiomysql"):
        logging.getLogger(f"{name}._client").debug("MARKER-BODY")

    assert lines(capsys) == []


@pytest.mark.parametrize("as_json", [True, False])
async def test_the_line_of_a_request_says_what_was_answered_and_nothing_is_forged(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    access_log = configure_logging(level="INFO", as_json=as_json)
    assert access_log is not None

    access_log.write("req_1_a3f5d8c2b1e9", "GET", '/x\nforged "line"\x1b[31m', 404, 12)
    access_log.write("req_2_a3f5d8c2b1e9", "POST", "/y", 200, 3)
    await asyncio.sleep(0)

    first, second = lines(capsys)
    assert "\x1b" not in first
    assert "req_2_a3f5d8c2b1e9" in second
    if as_json:
        event = json.loads(first)
        assert (event["path"], event["status"], event["duration_ms"]) == ('/x\nforged "line"\x1b[31m', 404, 12)
        assert (event["level"], event["request_id"]) == ("INFO", "req_1_a3f5d8c2b1e9")


def test_lines_of_requests_are_left_out_above_info() -> None:
    assert configure_logging(level="WARNING", as_json=True) is None


class ClosedPipe(StringIO):
    """An output whose reader has gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


async def test_an_output_that_fails_does_not_make_lines_pile_up(capsys: pytest.CaptureFixture[str]) -> None:
    access_log = configure_logging(level="INFO", as_json=True)
    assert access_log is not None

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    with redirect_stdout(ClosedPipe()):
        access_log.write("req_1_a3f5d8c2b1e9", "GET", "/lost", 200, 1)
        await asyncio.sleep(0)
    access_log.write("req_2_a3f5d8c2b1e9", "GET", "/kept", 200, 1)
    await asyncio.sleep(0)

    (line,) = lines(capsys)
    assert "/kept" in line
